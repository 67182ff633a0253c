"""Checkpointers and stores of both profiles, and the migrations of their tables."""
