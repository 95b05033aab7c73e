"""Texts of our own, for the cards of models whose corpus must not be quoted."""

from __future__ import annotations

__all__ = ["EXAMPLES"]

EXAMPLES: dict[str, tuple[str, ...]] = {
    "sst2": (
        "a warm and funny film with a heart",
        "the plot makes no sense and the actors look bored",
        "i laughed , i cried , and i would see it again",
        "two hours that feel like five",
        "not bad at all",
        "it is not a good film",
        "beautifully shot , but there is nothing behind the pictures",
    ),
}
"""By corpus."""
