"""Trainings side by side: what each of them may use."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from rnnzoo.studies.processes import VISIBLE, Children, Shares, environment


@pytest.mark.parametrize(
    ("jobs", "gpus", "dealt"),
    [
        (1, ["0", "1"], [None]),  # one training has what we have
        (2, [], [None, None]),
        (2, ["0", "1"], ["0", "1"]),
        (2, ["3", "4", "6", "7"], ["3,4", "6,7"]),
        (2, ["0", "1", "2"], ["0", "1"]),  # as many for each
        (3, ["GPU-a", "GPU-b"], ["GPU-a", "GPU-b", "GPU-a"]),
    ],
)
def test_shares(jobs: int, gpus: Sequence[str], dealt: Sequence[str | None]) -> None:
    shares = Shares(jobs, gpus)
    with ExitStack() as held:
        assert [held.enter_context(shares.one()) for _ in range(jobs)] == dealt
    with ExitStack() as held:  # what was given back is dealt out again
        assert Counter(held.enter_context(shares.one()) for _ in range(jobs)) == Counter(dealt)


def test_a_share_is_given_back_by_a_training_that_fails() -> None:
    shares = Shares(2, ["0", "1"])
    with pytest.raises(ZeroDivisionError), shares.one():
        raise ZeroDivisionError
    with shares.one() as first, shares.one() as second:
        assert {first, second} == {"0", "1"}


def test_the_gpus_that_we_may_use_are_dealt_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    for said, dealt in ((None, ["0", "1"]), ("2,5", ["2", "5"]), ("2,5,-1,7", ["2", "5"])):
        monkeypatch.delenv(VISIBLE, raising=False)
        if said is not None:
            monkeypatch.setenv(VISIBLE, said)
        shares = Shares(2)
        with shares.one() as first, shares.one() as second:
            assert [first, second] == dealt


def test_a_process_sees_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "0,1,2,3")
    tell = ["-c", f"import json, os; print(json.dumps([os.environ[{VISIBLE!r}], os.environ['OMP_NUM_THREADS']]))"]
    children, shares = Children(), Shares(2, ["0", "1", "2", "3"])

    def told(number: int) -> tuple[str, str]:
        with (tmp_path / f"{number}.txt").open("w") as errors, shares.one() as gpus:
            code, out = children.python(tell, threads=3, errors=errors, gpus=gpus)
        assert code == 0
        return tuple(json.loads(out))

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(told, range(4)))
    assert set(found) <= {("0,1", "3"), ("2,3", "3")}
    assert environment(1)[VISIBLE] == "0,1,2,3"  # nothing dealt out, nothing taken away
