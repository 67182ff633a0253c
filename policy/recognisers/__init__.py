"""Functions that find one kind of personal data each. They need no network. Import lazily: Presidio is slow to load."""

from policy.recognisers.build import build_recogniser
from policy.recognisers.pieces import Recogniser

__all__ = ["Recogniser", "build_recogniser"]
