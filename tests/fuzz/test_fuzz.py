"""Hundreds of malformed inputs: each works, or is refused in one line, and nothing is left half made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from fuzz.__main__ import cases
from fuzz.case import KINDS, load_kinds
from fuzz.driver import Driver
from fuzz.judge import BAD
from fuzz.kinds.controls import CONTROLS
from fuzz.table import describe, failures, table

COUNT = 500
load_kinds()
PLANNED = cases(COUNT, seed=0)


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    with Driver() as running:
        yield running


@pytest.mark.parametrize("kind", sorted(name for name, (_, share) in KINDS.items() if share))
def test_malformed(driver: Driver, kind: str) -> None:
    results = list(driver.run(case for case in PLANNED if case[0] == kind))
    found = failures(results)
    assert not found, f"\n{table(results)}\n{describe([(n, driver.smallest(result)) for n, result in found])}"
    assert Counter(result["verdict"] for result in results)["refused"] > 3


def test_the_cases_are_of_all_kinds() -> None:
    counts = Counter(kind for kind, _ in PLANNED)
    assert sum(counts.values()) == COUNT
    assert len(counts) == 10
    assert min(counts.values()) >= 20


def test_what_fails_is_seen() -> None:
    with Driver(seconds=5, most=650 << 20) as driver:
        seen = [driver.one("controls", number)["verdict"] for number in range(len(CONTROLS))]
    assert seen == [verdict for verdict, _ in CONTROLS]
    assert {*BAD, "ok", "refused"} == {*seen, "broken"}


def test_a_case_is_the_same_again(driver: Driver) -> None:
    first, second = (driver.one("settings", 5) for _ in range(2))
    assert {key: first[key] for key in ("words", "changes", "verdict")} == {
        key: second[key] for key in ("words", "changes", "verdict")
    }
