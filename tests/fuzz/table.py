"""Counts by kind, and failures grouped by what they have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from fuzz.judge import BAD

__all__ = ["failures", "table"]

COLUMNS = ("cases", "ok", "refused", *BAD)


def table(results: Iterable[dict[str, Any]]) -> str:
    """A row a kind."""
    counts: dict[str, Counter[str]] = {}
    for result in results:
        counts.setdefault(result["kind"], Counter()).update(("cases", result["verdict"]))
    total: Counter[str] = Counter()
    for row in counts.values():
        total.update(row)
    rows = [(name, row) for name, row in sorted(counts.items())] + [("all", total)]
    shown = [("kind", *COLUMNS), *((name, *(str(row[column]) for column in COLUMNS)) for name, row in rows)]
    widths = [max(len(row[i]) for row in shown) for i in range(len(COLUMNS) + 1)]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in shown
    )


def failures(results: Iterable[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """One of each sort, the one with the fewest changes, and how many there are; the most frequent first."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for result in results:
        if result["verdict"] in BAD:
            groups.setdefault((result["verdict"], result["where"]), []).append(result)
    found = [(len(group), min(group, key=_size)) for group in groups.values()]
    return sorted(found, key=lambda item: -item[0])


def _size(result: dict[str, Any]) -> tuple[int, int]:
    return len(result["changes"]), len(result["words"])


def describe(found: Sequence[tuple[int, dict[str, Any]]]) -> str:
    """The failures for people, each with how to run it again."""
    lines = []
    for count, result in found:
        lines += [
            f"{result['verdict']} x{count}: {result['where']}",
            f"    {result['words'][:200]!r}  [{'; '.join(result['changes'])[:200]}]",
            f"    make fuzz CASE={result['kind']}:{result['seed']}",
        ]
    return "\n".join(lines)
