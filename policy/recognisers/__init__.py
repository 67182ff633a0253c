"""Functions that find one kind of personal data each. They need no network.

A library that is slow to load waits for a text that needs it.
"""

from policy.recognisers.build import build_recognisers
from policy.recognisers.pieces import Recogniser, in_pieces

__all__ = ["Recogniser", "build_recognisers", "in_pieces"]
