"""Masks, the spans of a text that must not be shown: merging them and applying them."""

from __future__ import annotations

from collections.abc import Iterable

from state.values import Mask


def merge_masks(masks: Iterable[Mask]) -> tuple[Mask, ...]:
    """Return `masks` sorted and without empty ones. Overlapping masks become one, of the kind of the longest."""
    merged: list[Mask] = []
    longest = 0
    for mask in sorted((mask for mask in masks if mask.start < mask.end), key=lambda mask: (mask.start, -mask.end)):
        if not merged or mask.start >= merged[-1].end:
            merged.append(mask)
            longest = mask.end - mask.start
            continue
        last, length = merged[-1], mask.end - mask.start
        kind = mask.kind if length > longest else last.kind
        longest = max(longest, length)
        merged[-1] = Mask(start=last.start, end=max(last.end, mask.end), kind=kind)
    return tuple(merged)


def apply_masks(text: str, masks: Iterable[Mask]) -> str:
    """Return `text` with each masked span replaced by its kind, for example `<EMAIL_ADDRESS>`."""
    parts: list[str] = []
    position = 0
    for mask in merge_masks(masks):
        parts += [text[position : mask.start], f"<{mask.kind}>"]
        position = mask.end
    return "".join([*parts, text[position:]])
