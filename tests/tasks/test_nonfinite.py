"""A training that diverges: it ends in one line or leaves the step out, and no checkpoint is spoilt."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import pytest
import small_lm
import torch
from lightning.pytorch.callbacks import Callback

from rnnzoo.cli import main
from rnnzoo.tasks import CharLM, Task, train
from rnnzoo.training import (
    NTASGD,
    DurableCheckpointIO,
    NonFiniteError,
    SkippedStep,
    StepCheckpoints,
    StreamData,
    is_whole,
    read_history,
)
from rnnzoo.training.finite import IN_A_ROW, broken, first_broken

pytestmark = [pytest.mark.filterwarnings(filter) for filter in small_lm.FILTERS]

RECIPE = """
task: char_lm
data: {files: [], streams: 3, chunk_len: 10, eval_streams: 2}
model: {embedding_dim: 8, backbone: {cell: lstm, hidden_size: 8}}
optimizer: {name: sgd, lr: 1.0}
schedule: {name: constant}
trainer: {max_epochs: 2, enable_progress_bar: false, log_every_n_steps: 20}
checkpoint_every: 1
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(RECIPE)
    small_lm.write_text(tmp_path / "text.txt", 600)
    return tmp_path


@pytest.fixture
def data(tmp_path: Path) -> StreamData:
    return small_lm.stream_data(small_lm.write_text(tmp_path / "text.txt", 480))


class At(Callback):
    """Does something before the backward pass's gradients are looked at, in some steps."""

    def __init__(self, steps: set[int], what: Callable[[Any], None]) -> None:
        self.steps, self.what = steps, what
        self.weights: list[dict[str, torch.Tensor]] = []

    def on_after_backward(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.global_step + 1 in self.steps:
            self.what(pl_module)

    def on_train_batch_end(self, trainer: lightning.Trainer, pl_module: Any, *args: Any) -> None:
        self.weights.append({name: weight.detach().clone() for name, weight in pl_module.model.named_parameters()})


def spoil_gradient(module: Any, value: float = math.nan) -> None:
    module.model.head.weight.grad[1, 2] = value


def spoil_state(module: Any) -> None:
    """The next chunk is read from a state that is not a number: its loss is not one, either."""
    module._carry["train"][0].h[1] = math.nan


def spoil_weight(module: Any) -> None:
    module.model.head.weight.data[0, 0] = math.inf


def fit(data: StreamData, *callbacks: Callback, policy: Any = "stop", **options: Any) -> CharLM:
    module = small_lm.task(data, **{"optimizer": {"name": "adamw", "lr": 0.01}, **options.pop("task", {})})
    module.on_nonfinite = policy
    small_lm.trainer(*callbacks, **options).fit(module, datamodule=data)
    return module


def finite(folder: Path) -> list[str]:
    """The checkpoints of a folder, all of which are whole and have finite weights."""
    found = sorted(folder.glob("*.ckpt"))
    for path in found:
        assert is_whole(path)
        weights = DurableCheckpointIO().load_checkpoint(path)["state_dict"].values()
        assert all(bool(weight.isfinite().all()) for weight in weights)
    return [path.name for path in found]


# ------------------------------------------------------------------------------------------------- the whole way


def test_a_learning_rate_that_is_far_too_high(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command ends with 3 and one line; the only checkpoint is from before, and finite."""
    code = main(["train", str(place / "small.yaml"), "--text", str(place / "text.txt"), "--runs", str(place / "runs"),
                 "--lr", "3e38"])  # fmt: skip
    out, err = capsys.readouterr()
    assert (code, out) == (3, "")
    assert err.count("\n") == 1
    assert err.startswith("rnnzoo: step 2 (batch 2 of epoch 1): the loss is ")
    for word in ("lower optimizer.lr", "trainer.gradient_clip_val", "--resume --on_nonfinite skip"):
        assert word in err
    run = place / "runs" / "small" / "1"
    assert finite(run / "checkpoints") == ["step-0000001.ckpt"]
    assert not (run / "metrics.json").exists()


def test_weights_that_overflow_are_not_saved(place: Path) -> None:
    """Of the last checkpoints that are kept none is written over."""
    settings = {"optimizer": {"name": "sgd", "lr": 1e40}, "trainer.max_steps": 1, "checkpoint_every": 5}
    with pytest.raises(NonFiniteError, match=r"after step 1, the last: weight \S+ is"):
        train(place / "small.yaml", runs=place / "a", text=place / "text.txt", settings=settings)
    with pytest.raises(
        NonFiniteError, match=r"after step 1: weight \S+ is (nan|infinite), so that no checkpoint is written"
    ):
        train(place / "small.yaml", runs=place / "b", text=place / "text.txt", lr=1e40)
    assert not list(place.rglob("*.ckpt"))


def test_a_run_goes_over_the_step_that_stopped_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    module = importlib.import_module("rnnzoo.tasks.training_run")
    usual = module._checkpoints
    monkeypatch.setattr(module, "_checkpoints", lambda *args: [At({25}, spoil_gradient), *usual(*args)])
    options = {"runs": place / "runs", "text": place / "text.txt"}
    with pytest.raises(NonFiniteError, match=r"step 25 \(batch 7 of epoch 2\): the gradient of head\.weight is nan"):
        train(place / "small.yaml", **options)
    assert finite(place / "runs" / "small" / "1" / "checkpoints") == [
        "best.ckpt", "step-0000023.ckpt", "step-0000024.ckpt",
    ]  # fmt: skip
    with pytest.raises(NonFiniteError, match="step 25"):  # as a resumed run is the same to the last bit
        train(place / "small.yaml", resume=True, runs=place / "runs")
    with pytest.warns(SkippedStep, match=r"step 25 \(batch 7 of epoch 2\) is skipped: the gradient of head\.weight"):
        run = train(place / "small.yaml", resume=True, runs=place / "runs", settings={"on_nonfinite": "skip"})
    finite(run / "checkpoints")
    assert (run / "metrics.json").exists()
    assert read_history(run / "history.jsonl")[-1]["step"] == 36


# --------------------------------------------------------------------------------------------- what is not finite

CASES = {
    "nan in a gradient": (spoil_gradient, r"step 4 \(batch 4 of epoch 1\): the gradient of head\.weight is nan"),
    "inf in a gradient": (lambda m: spoil_gradient(m, -math.inf), r"the gradient of head\.weight is infinite"),
    "loss": (spoil_state, r"step 5 \(batch 5 of epoch 1\): the loss is nan"),
    "weight": (spoil_weight, r"after step 4: weight head\.weight is infinite, so that no checkpoint is written"),
}


@pytest.mark.parametrize("later", [False, True], ids=["at once", "without waiting for the device"])
@pytest.mark.parametrize("case", CASES)
def test_stops(data: StreamData, tmp_path: Path, case: str, later: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU the host does not wait; yet the same step is named, and nothing is saved after it."""
    spoil, message = CASES[case]
    if later:
        monkeypatch.setattr(Task, "_reads_later", lambda self, wrong: True)
    if later and case != "weight":
        message = r"step [45] \(batch [45] of epoch 1\): the loss or a gradient is not finite"
    at = At({4}, spoil)
    with pytest.raises(NonFiniteError, match=message):
        fit(data, at, StepCheckpoints(tmp_path / "saved", 1, keep=9), max_epochs=1)
    names = finite(tmp_path / "saved")
    assert names[:3] == [f"step-000000{step}.ckpt" for step in (1, 2, 3)]
    assert len(names) <= 4
    if not later:
        assert all(weight.isfinite().all() for weight in at.weights[2].values())


def test_skips_a_gradient(data: StreamData) -> None:
    """Neither weights nor the optimiser's averages notice; the loss that is logged is that of the other steps."""
    at = At({4}, spoil_gradient)
    with pytest.warns(
        SkippedStep, match=r"step 4 \(batch 4 of epoch 1\) is skipped: the gradient of head\.weight is nan"
    ):
        module = fit(data, at, policy="skip", log_every_n_steps=4)
    assert all(at.weights[2][name].equal(at.weights[3][name]) for name in at.weights[3])
    assert not all(at.weights[3][name].equal(at.weights[4][name]) for name in at.weights[3])
    optimizer = module.trainer.optimizers[0]
    assert {int(state["step"]) for state in optimizer.state.values()} == {module.trainer.global_step - 1}
    assert math.isfinite(float(module.trainer.callback_metrics["train/nll"]))


def test_skips_a_loss_and_forgets_the_state_that_spoilt_it(data: StreamData) -> None:
    seen = small_lm.Losses()
    with pytest.warns(SkippedStep, match="step 5 .*the loss is nan") as told:
        fit(data, At({4}, spoil_state), seen, policy="skip")
    assert len([one for one in told if one.category is SkippedStep]) == 1
    assert [math.isfinite(float.fromhex(nats)) for nats in seen.nats[3:6]] == [True, False, True]


def test_skips_in_an_accumulation(data: StreamData) -> None:
    """Of four chunks one is spoilt: all four are left out."""
    at = At({2}, spoil_gradient)
    with pytest.warns(SkippedStep, match=r"step 2 \(batch 8 of epoch 1\)"):
        fit(data, at, policy="skip", accumulate_grad_batches=4)
    assert all(at.weights[3][name].equal(at.weights[7][name]) for name in at.weights[3])


def test_a_skipped_step_does_not_enter_the_mean_of_weights(data: StreamData) -> None:
    def trigger(module: Any) -> None:
        module.trainer.optimizers[0].trigger()

    with pytest.warns(SkippedStep):
        module = fit(data, At({1}, trigger), At({4}, spoil_gradient), policy="skip",
                     task={"optimizer": {"name": "nt_asgd", "lr": 1.0}})  # fmt: skip
    optimizer = module.trainer.optimizers[0]
    assert isinstance(optimizer, NTASGD)
    assert optimizer.param_groups[0]["averaged"] == module.trainer.global_step - 1


@pytest.mark.filterwarnings("ignore::rnnzoo.training.SkippedStep")
def test_skipping_comes_to_an_end(data: StreamData) -> None:
    """Where it cannot get better again: weights that are spoilt, or one bad step after the other."""
    with pytest.raises(NonFiniteError, match=r"step 5 .*: weight head\.weight is infinite, after 0 skipped steps"):
        fit(data, At({4}, spoil_weight), policy="skip")
    with pytest.raises(NonFiniteError, match=f"step {4 + IN_A_ROW} .*, after {IN_A_ROW} skipped steps") as caught:
        fit(data, At(set(range(4, 99)), spoil_gradient), policy="skip", max_epochs=2)
    assert "skip;" not in str(caught.value)


def test_skips_are_counted_over_a_resume(data: StreamData, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkippedStep)
        fit(data, At({3, 4}, spoil_gradient), StepCheckpoints(tmp_path, 2), policy="skip", max_steps=4)
    saved = DurableCheckpointIO().load_checkpoint(tmp_path / "step-0000004.ckpt")
    assert saved["rnnzoo"]["skipped"] == 2


def test_what_is_broken() -> None:
    big = torch.full((1000,), 6e4, dtype=torch.float16)  # whose sum is not finite in its own type
    assert not broken(torch.ones(()), [torch.full((9,), 1e37), big])
    for value in (math.nan, math.inf, -math.inf):
        spoilt = torch.zeros(4, 3)
        spoilt[2, 1] = value
        assert broken(torch.ones(()), [torch.ones(2), spoilt])
        assert broken(torch.tensor(value), [])
        assert broken(torch.ones(()), [torch.tensor([value, -value])])
        told = first_broken([("a", torch.ones(2)), ("b", None), ("c", torch.arange(3)), ("d", spoilt), ("e", spoilt)])
        assert told == f"d is {'nan' if math.isnan(value) else 'infinite'}"
    assert first_broken([("a", big)]) is None
