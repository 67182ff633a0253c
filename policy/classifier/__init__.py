"""A small linear classifier for injected instructions: hashed words and characters, scored over windows of a text.

`model_card.md` says what it was trained on and what it finds and misses.
"""
