"""How many characters a token stands for. Each of the three figures errs in the direction that its use needs."""

from __future__ import annotations

TYPICAL_CHARS_PER_TOKEN = 4
"""The average of English text: for estimates shown to a person, and for the usage of models that count nothing.

Price lists convert at the same rate: 0.0018 USD per 10,000 characters of Llama 3.3 70B is listed elsewhere as 0.72 USD
per 1,000,000 tokens.
"""

CAUTIOUS_CHARS_PER_TOKEN = 3
"""For reservations and for the check that a prompt fits: the estimated tokens of a prompt err upward.

At the average of 4, every prompt denser than the average would cost more than was reserved for it.
"""

MAX_CHARS_PER_TOKEN = 6
"""For reservations of models that bill characters: the most that one token of an answer is expected to hold.

A chosen value: it overstates the reservation of English text by half, and is replaced by the real count at settling.
"""
