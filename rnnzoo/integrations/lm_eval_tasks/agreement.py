"""Minimal pairs of number agreement in BLiMP's form, made of a few words that small vocabularies have."""

from __future__ import annotations

from typing import Any

import datasets  # type: ignore[import-untyped]

NOUNS = tuple((noun, f"{noun}s") for noun in ("king", "lord", "son", "friend", "girl", "servant"))
VERBS = (("is", "are"), ("was", "were"), ("has", "have"), ("knows", "know"), ("loves", "love"), ("makes", "make"))
ENDS = ("old", "young", "a friend", "the town", "the house", "a noise")
BETWEEN = {"simple": "", "across_of": " of the {}", "across_relative": " that the {} saw"}


def pairs(uid: str, **_: Any) -> dict[str, datasets.Dataset]:
    """The split ``train``, as BLiMP calls it: a noun, perhaps one of the other number behind it, and a verb.

    Args:
        uid: what stands between noun and verb, a key of `BETWEEN`.
    """
    rows: list[dict[str, str]] = []
    for index, noun in enumerate(NOUNS):
        for number in (0, 1):
            for place, (verb, end) in enumerate(zip(VERBS, ENDS, strict=True)):
                other = NOUNS[(index + place + 1) % len(NOUNS)][1 - number]
                subject = f"the {noun[number]}{BETWEEN[uid].format(other)}"
                good, bad = (f"{subject} {form} {end}" for form in (verb[number], verb[1 - number]))
                row = {"sentence_good": good, "sentence_bad": bad, "UID": f"agreement_{uid}", "pair_id": str(len(rows))}
                rows.append(row | {"field": "morphology", "linguistics_term": "subject_verb_agreement"})
    return {"train": datasets.Dataset.from_list(rows)}


def lines(row: dict[str, str]) -> list[str]:
    """Both sentences, each with the line break that ends it, as `rnnzoo score --pairs` reads them."""
    return [f"{row['sentence_good']}\n", f"{row['sentence_bad']}\n"]
