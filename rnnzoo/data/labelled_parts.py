"""Parts of texts with labels: no text twice or on two sides, and each label in all parts as it is in the whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from rnnzoo.data.labelled_files import Row
from rnnzoo.errors import UserError
from rnnzoo.text.spaces import plain_spaces

__all__ = ["apart", "once", "some", "stratified"]

ROLES = ("train", "valid", "test")
SHARE = 0.1
"""Of each label's texts, in validation and in test."""

Rows = Mapping[str, Sequence[Row]]


def once(rows: Rows) -> tuple[dict[str, list[Row]], int]:
    """The training rows without those whose text stood before with the same labels, and how many those were.

    What there is to score on stays as it is: others count its lines, too.
    """
    found = {role: list(part) for role, part in rows.items()}
    kept = dict.fromkeys((plain_spaces(row.text), row.labels) for row in found["train"])
    first: list[Row] = []
    for row in found["train"]:
        if kept.pop((plain_spaces(row.text), row.labels), 0) is None:
            first.append(row)
    doubled = len(found["train"]) - len(first)
    return found | {"train": first}, doubled


def apart(rows: Rows) -> tuple[dict[str, list[Row]], int]:
    """Each text in the last of its parts only, and how many rows were left out for that."""
    later: set[str] = set()
    found: dict[str, list[Row]] = {}
    left = 0
    for role in reversed(ROLES):
        if role in rows:
            found[role] = [row for row in rows[role] if plain_spaces(row.text) not in later]
            left += len(rows[role]) - len(found[role])
            later |= {plain_spaces(row.text) for row in rows[role]}
    return {role: found[role] for role in ROLES if role in found}, left


def stratified(rows: Rows, *, test_part: bool, seed: int, name: str) -> tuple[dict[str, list[Row]], str]:
    """`rows`, of which "train" is cut: a tenth of each label's texts is for validation, another one for test.

    Which ones, a hash of seed and text decides, not their order. A text with two labels is in one part, that of the
    first. A label with three texts or more is in every part.

    Args:
        rows: the parts; there is no "valid" yet. test_part: cut a test part, too, unless there is one.
        seed: of the hash. name: of the corpus, for errors.

    Returns:
        The parts, and the rule in words.

    Raises:
        UserError: there are too few texts.
    """
    test_part = test_part and "test" not in rows
    texts = {plain_spaces(row.text): row.labels[:1] for row in reversed(rows["train"])}
    by_label: dict[tuple[str, ...], list[str]] = {}
    for text, label in texts.items():
        by_label.setdefault(label, []).append(text)
    part_of: dict[str, str] = {}
    for of_label in by_label.values():
        of_label.sort(key=lambda text: _hash(seed, text))
        count = max(round(SHARE * len(of_label)), 1 if len(of_label) >= 3 else 0)
        part_of |= dict.fromkeys(of_label[:count], "valid")
        if test_part:
            part_of |= dict.fromkeys(of_label[count : 2 * count], "test")
    cut: dict[str, list[Row]] = {role: [] for role in ROLES[: 3 if test_part else 2]}
    for row in rows["train"]:
        cut[part_of.get(plain_spaces(row.text), "train")].append(row)
    if not all(cut.values()):
        count = len(rows["train"])
        raise UserError(f"{name}: {'1 text is' if count == 1 else f'{count} texts are'} too few to cut into parts")
    parts = {role: list(part) for role, part in (dict(rows) | cut).items()}
    what = "10% validation and 10% test" if test_part else "10% validation"
    rule = f"{what} of each label's texts, chosen by a hash of the text (seed {seed})"
    return {role: parts[role] for role in ROLES if role in parts}, rule


def some(rows: Sequence[Row], count: int, seed: int) -> list[Row]:
    """About `count` rows, in their order: of each label its share, one at least, chosen by a hash of the text.

    What is chosen for a smaller number is chosen for a larger one, too.
    """
    by_label: dict[tuple[str, ...], list[int]] = {}
    for number, row in enumerate(rows):
        by_label.setdefault(row.labels[:1], []).append(number)
    kept: set[int] = set()
    for numbers in by_label.values():
        numbers.sort(key=lambda number: _hash(seed, plain_spaces(rows[number].text)))
        kept |= set(numbers[: max(round(count * len(numbers) / len(rows)), 1)])
    return [row for number, row in enumerate(rows) if number in kept]


def _hash(seed: int, text: str) -> bytes:
    return hashlib.sha256(f"{seed}\t{text}".encode("utf-8", "surrogatepass")).digest()
