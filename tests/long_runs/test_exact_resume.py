"""A run that was killed three times has every loss of one that was not, on every rank, to the last bit."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from launcher import Launcher
from small_run import CLASSIFIER, LANGUAGE_MODEL, TRANSLATOR, prepare, same, seen, words


class Variant(NamedTuple):
    """A recipe, what is set on top of it, and where it is killed."""

    recipe: str
    settings: dict[str, Any]
    ends: tuple[str, str, str]


DROPOUT = {"model.backbone.hidden_dropout": 0.3, "model.backbone.num_layers": 2, "model.output_dropout": 0.2}
WEIGHT_DROPOUT = {
    **{"model.backbone.cell": "gru", "model.backbone.weight_dropout": 0.3, "model.embedding_dropout": 0.2},
    **{"model.backbone.locked_dropout": "true", **DROPOUT},
}
USUAL = ("t 0 5", "v 9 0", "t 1 6")
VARIANTS = {
    "truncated backpropagation": Variant(LANGUAGE_MODEL, {}, USUAL),
    "dropout": Variant(LANGUAGE_MODEL, DROPOUT, USUAL),
    "weight dropout": Variant(LANGUAGE_MODEL, WEIGHT_DROPOUT, USUAL),
    "accumulation": Variant(
        LANGUAGE_MODEL,
        {"trainer.accumulate_grad_batches": 4, "checkpoint_every": 1, **DROPOUT},
        ("t 0 6", "t 0 8", "t 1 5"),
    ),
    "second epoch": Variant(LANGUAGE_MODEL, DROPOUT, ("t 1 0", "t 1 4", "t 1 8")),
    "in validation": Variant(
        LANGUAGE_MODEL, {"trainer.val_check_interval": 4, **DROPOUT}, ("v 4 0", "v 8 0", "v 13 0")
    ),
    "translator": Variant(TRANSLATOR, {}, ("t 0 3", "t 1 0", "t 1 2")),
    "classifier": Variant(CLASSIFIER, {}, ("t 0 3", "t 1 0", "t 1 2")),
    "all at once": Variant(
        LANGUAGE_MODEL, {"trainer.accumulate_grad_batches": 2, **WEIGHT_DROPOUT}, ("t 0 6", "v 5 0", "t 1 7")
    ),
}


def killed_three_times(launcher: Launcher, place: Path, variant: Variant, ranks: int) -> None:
    straight, folder = (prepare(place / name, variant.recipe) for name in ("straight", "killed"))
    usual = words(variant.settings, ranks=ranks)
    started = launcher.start(usual, straight, ranks)
    assert started.ends() == [0] * ranks, started.said()
    for number, end in enumerate(variant.ends):
        command = words(None, "--resume") if number else usual
        started = launcher.start(command, folder, ranks, env={"RNNZOO_TEST_END": end})
        codes = started.killed()
        assert set(codes) == {-signal.SIGKILL}, started.said()
    started = launcher.start(words(None, "--resume"), folder, ranks)
    assert started.ends() == [0] * ranks, started.said()
    same(folder, straight, ranks)


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "all at once"])
@pytest.mark.slow
def test_the_grid(launcher: Launcher, tmp_path: Path, variant: str, ranks: int) -> None:
    killed_three_times(launcher, tmp_path, VARIANTS[variant], ranks)


def test_all_at_once_on_two_ranks(launcher: Launcher, tmp_path: Path) -> None:
    killed_three_times(launcher, tmp_path, VARIANTS["all at once"], 2)


@pytest.mark.slow
def test_from_two_ranks_to_one_to_four(launcher: Launcher, tmp_path: Path) -> None:
    """With nothing random in a forward all numbers of ranks compute the same, in the same order, up to rounding."""
    straight, folder = prepare(tmp_path / "straight"), prepare(tmp_path / "moved")
    started = launcher.start(words(), straight)
    assert started.ends() == [0], started.said()
    alone = {
        tuple(line[1:3]): (float.fromhex(line[4]), line[6].split(",")) for line in seen(straight) if line[0] == "t"
    }
    found: dict[tuple[str, ...], tuple[float, list[str]]] = {}
    for ranks, end, more in ((2, "t 0 5", ()), (1, "t 1 2", ("--resume",)), (4, "", ("--resume",))):
        before = [len(seen(folder, rank)) for rank in range(ranks)]
        settings = {"trainer.devices": ranks, "trainer.strategy": "ddp" if ranks > 1 else "auto"}
        started = launcher.start(words(settings, *more), folder, ranks, env={"RNNZOO_TEST_END": end})
        codes = started.killed() if end else started.ends()
        assert set(codes) == {-signal.SIGKILL if end else 0}, started.said()
        lines = [[line for line in seen(folder, rank)[before[rank] :] if line[0] == "t"] for rank in range(ranks)]
        for together in zip(*lines, strict=False):
            loss, rows = (
                sum(float.fromhex(line[4]) for line in together),
                [r for line in together for r in line[6].split(",")],
            )
            found[tuple(together[0][1:3])] = loss, rows
    assert found.keys() == alone.keys()
    for place, (loss, rows) in alone.items():
        assert found[place][1] == rows, place
        assert found[place][0] == pytest.approx(loss, rel=1e-6), place
