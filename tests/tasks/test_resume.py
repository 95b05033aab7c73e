"""A run that was stopped and resumed has the losses of one that was not, to the last bit."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightning
import pytest
import small_lm
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint

from rnnzoo.errors import UserError
from rnnzoo.tasks import CharLM
from rnnzoo.training import NTASGD, StreamData
from rnnzoo.training.resume import share_rows

pytestmark = [pytest.mark.filterwarnings(filter) for filter in small_lm.FILTERS]

CHUNKS = 9  # in an epoch of what `run` reads


class Drawing(Callback):
    """Validation that draws random numbers; checkpoints written at its end are not to hold them."""

    def on_validation_batch_end(self, *args: Any, **kwargs: Any) -> None:
        torch.rand(3)


class EveryStep(Checkpoint):
    """A checkpoint after each optimiser step, and at the end of each validation; notes the validations' scores."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.last = folder, 0
        self.validated: dict[int, str] = {}

    def on_train_batch_end(self, trainer: lightning.Trainer, *args: Any, **kwargs: Any) -> None:
        if trainer.global_step != self.last:
            self.last = trainer.global_step
            trainer.save_checkpoint(self.folder / f"step-{self.last}.ckpt")

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        trainer.save_checkpoint(self.folder / f"validated-{trainer.global_step}.ckpt")
        self.validated[trainer.global_step] = float(trainer.callback_metrics["val/nll"]).hex()


def run(
    text: Path,
    *callbacks: Callback,
    checkpoint: Path | None = None,
    model: Any = None,
    data_options: dict[str, Any] | None = None,
    task_options: dict[str, Any] | None = None,
    **options: Any,
) -> tuple[small_lm.Losses, CharLM, lightning.Trainer]:
    """Three epochs of nine chunks, with all that draws random numbers or depends on the step."""
    lightning.seed_everything(5 if checkpoint is None else 99, verbose=False)  # what resumes does not rely on a seed
    data = small_lm.stream_data(text, **{"random_phase": True, "chunk_len": 12, **(data_options or {})})
    module = small_lm.task(data, model, **{"schedule": "one_cycle", **(task_options or {})})
    seen = small_lm.Losses()
    fit = small_lm.trainer(seen, *callbacks, **({"max_epochs": 3, "gradient_clip_val": 1.0} | options))
    assert data.batches_per_epoch == CHUNKS
    fit.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    return seen, module, fit


@pytest.fixture
def text(tmp_path: Path) -> Path:
    return small_lm.write_text(tmp_path / "text.txt", 480)


VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "validation in the epoch": {"val_check_interval": 4},
    "validation every other epoch": {"check_val_every_n_epoch": 2},
    "no validation": {"limit_val_batches": 0},
    "accumulation": {"accumulate_grad_batches": 2},  # 9 chunks: the last step of an epoch is of one
    "accumulation of a third": {"accumulate_grad_batches": 3},
    "part of the epoch": {"limit_train_batches": 5},
    "half of the epoch": {"limit_train_batches": 0.5},
    "steps": {"max_epochs": None, "max_steps": 24},
    "reloaded": {"reload_dataloaders_every_n_epochs": 1},
    "plateau": {
        "task_options": {"schedule": {"name": "plateau", "factor": 0.5}, "optimizer": {"name": "sgd", "lr": 40.0}}
    },
}
CELLS = {
    "lstm": small_lm.MODEL,
    "weight dropout": {
        "embedding_dim": 8,
        "embedding_dropout": 0.2,
        "tied": True,
        "backbone": {
            "cells": ["gru", "rnn"],
            "hidden_size": 8,
            "weight_dropout": 0.3,
            "hidden_dropout": 0.3,
            "locked_dropout": True,
        },
    },
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_from_any_checkpoint(text: Path, tmp_path: Path, variant: str) -> None:
    resumes_bit_for_bit(text, tmp_path, VARIANTS[variant])


def test_with_other_cells_and_dropouts(text: Path, tmp_path: Path) -> None:
    resumes_bit_for_bit(text, tmp_path, {}, CELLS["weight dropout"])


def test_with_all_of_awd_lstm(text: Path, tmp_path: Path) -> None:
    """Averaging begins after the second validation, with the third epoch; penalties and random lengths throughout."""
    awd = {
        "data_options": {"random_phase": False, "variable_chunks": True, "chunk_len": 13},
        "task_options": {
            "optimizer": {"name": "nt_asgd", "lr": 300.0, "patience": 0, "weight_decay": 1e-5},
            "schedule": "constant",
            "regularization": {"activation": 2.0, "temporal": 1.0},
        },
        "gradient_clip_val": 0.25,
    }
    resumes_bit_for_bit(text, tmp_path, awd, CELLS["weight dropout"])
    fit = run(text, model=CELLS["weight dropout"], **awd)[2]
    optimizer = fit.optimizers[0]
    assert isinstance(optimizer, NTASGD)
    assert optimizer.averaging, "the test does not try what it says"
    assert not optimizer.swapped


def resumes_bit_for_bit(text: Path, tmp_path: Path, options: dict[str, Any], model: Any = None) -> None:
    folder = tmp_path / "checkpoints"
    undisturbed, *_ = run(text, model=model, **options)
    validations = EveryStep(folder)
    straight, trained, fit = run(text, validations, Drawing(), model=model, **options)
    assert straight.nats == undisturbed.nats  # neither checkpoints nor validation disturb
    accumulate = options.get("accumulate_grad_batches", 1)
    steps = fit.global_step
    per_epoch = math.ceil(steps / 3)
    wanted = {per_epoch - 1, per_epoch, per_epoch + 1} | ({1, 2 * per_epoch, steps - 1} if not options else set())
    validated = sorted(int(path.stem.split("-")[1]) for path in folder.glob("validated-*.ckpt"))
    names = [f"step-{step}" for step in sorted(wanted)] + [f"validated-{step}" for step in validated[:1]]
    for name in names:
        after = EveryStep(tmp_path / "resumed")
        resumed, module, again = run(text, after, Drawing(), checkpoint=folder / f"{name}.ckpt", model=model, **options)
        rest = len(resumed.nats)
        assert rest > 0
        assert straight.nats[-rest:] == resumed.nats, name
        assert straight.chunks[-rest:] == resumed.chunks
        assert straight.rates[-rest:] == resumed.rates
        step = int(name.split("-")[1])
        first = step if name.startswith("step") else step + 1  # the one that was due when the checkpoint was written
        assert after.validated == {at: nll for at, nll in validations.validated.items() if at >= first}, name
        assert (steps - step) * accumulate >= rest > (steps - step - 1) * accumulate - accumulate
        assert again.global_step == steps
        assert module.tokens_trained == trained.tokens_trained
        for key, value in trained.state_dict().items():
            assert value.equal(module.state_dict()[key]), (name, key)
        for key in ("train/nll", "val/nll"):
            if key in fit.callback_metrics and key in again.callback_metrics:
                assert float(fit.callback_metrics[key]).hex() == float(again.callback_metrics[key]).hex(), (name, key)


SCRIPT = """
import json, sys
from pathlib import Path
import test_resume
seen, module, _ = test_resume.run(Path(sys.argv[1]), checkpoint=Path(sys.argv[2]))
print(json.dumps(seen.nats))
"""


def test_in_a_new_process(text: Path, tmp_path: Path) -> None:
    straight, *_ = run(text, EveryStep(tmp_path / "checkpoints"))
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(text), str(tmp_path / "checkpoints" / "step-11.ckpt")]
    root = Path(__file__).resolve().parent
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=root.parent.parent, env=small_lm.environment(root)
    )
    assert json.loads(done.stdout.splitlines()[-1]) == straight.nats[11:]


def test_training_on_from_loaded_weights_is_a_new_training(text: Path, tmp_path: Path) -> None:
    """`load_from_checkpoint` and then `fit`: the carried state and the generators of the old run are not its own."""
    run(text, EveryStep(tmp_path), max_epochs=1)
    losses = []
    for seed in (1, 1, 2):
        module = CharLM.load_from_checkpoint(tmp_path / "step-5.ckpt")
        data = small_lm.stream_data(text, streams=2, chunk_len=9)  # other streams: the old state would not fit
        seen = small_lm.Losses()
        torch.manual_seed(seed)
        small_lm.trainer(seen, limit_train_batches=2, limit_val_batches=0).fit(module, datamodule=data)
        losses.append(seen.nats)
        assert module.tokens_trained == 2 * 2 * 9
    assert losses[0] == losses[1] != losses[2]  # the dropout is that of the new seed


def test_reloading_dataloaders_changes_nothing(text: Path) -> None:
    """Each epoch has its own phase, also from a new dataloader."""
    assert run(text, reload_dataloaders_every_n_epochs=1)[0].nats == run(text)[0].nats


def test_another_number_of_ranks_shares_the_carried_states(text: Path, tmp_path: Path) -> None:
    """As when a run that had two devices goes on with one: every stream goes on from its own state."""
    straight, *_ = run(text, EveryStep(tmp_path), max_epochs=1)
    path = tmp_path / "step-4.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    (alone,) = checkpoint["rnnzoo"]["ranks"]
    halves = [{name: rows[part] for name, rows in alone["carry"].items()} for part in (slice(0, 2), slice(2, 4))]
    checkpoint["rnnzoo"]["ranks"] = [{**alone, "carry": half, "log": [0.0, 0]} for half in halves]
    torch.save(checkpoint, path)
    resumed, *_ = run(text, checkpoint=path, max_epochs=1)
    assert resumed.chunks == [(0, number) for number in range(4, CHUNKS)]
    assert resumed.nats == straight.nats[4:]


def test_rows_are_shared() -> None:
    ranks: list[dict[str, torch.Tensor] | None] = [
        {"h": torch.arange(6).view(3, 2)},
        {"h": torch.arange(6, 12).view(3, 2)},
    ]
    shared = [share_rows(ranks, rank, 3) for rank in range(3)]
    assert [one["h"].tolist() for one in shared if one] == [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8, 9], [10, 11]]]
    assert share_rows(ranks, 0, 4) is None
    assert share_rows([None, ranks[0]], 0, 1) is None


def test_a_validation_after_the_very_last_step(text: Path, tmp_path: Path) -> None:
    """Lightning alone would say that all steps were taken."""
    options = {"max_epochs": None, "max_steps": 2 * CHUNKS}
    straight, resumed = EveryStep(tmp_path), EveryStep(tmp_path / "resumed")
    run(text, straight, **options)
    *_, fit = run(text, resumed, checkpoint=tmp_path / f"step-{2 * CHUNKS}.ckpt", **options)
    assert resumed.validated == {2 * CHUNKS: straight.validated[2 * CHUNKS]}
    assert (fit.global_step, fit.max_steps) == (2 * CHUNKS, 2 * CHUNKS)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"streams": 6}, "streams was 4, is now 6"),
        ({"chunk_len": 11}, "chunk_len was 12, is now 11"),
    ],
)
def test_other_streams_are_refused(text: Path, tmp_path: Path, fields: dict[str, int], message: str) -> None:
    run(text, EveryStep(tmp_path), max_epochs=1)
    data = small_lm.stream_data(text, **({"random_phase": True, "chunk_len": 12} | fields))
    with pytest.raises(UserError, match=message):
        small_lm.trainer(max_epochs=3).fit(
            small_lm.task(data, schedule="one_cycle"), datamodule=data, ckpt_path=tmp_path / "step-4.ckpt"
        )


def test_another_text_is_refused(text: Path, tmp_path: Path) -> None:
    run(text, EveryStep(tmp_path / "c"), max_epochs=1)
    other = small_lm.write_text(tmp_path / "other.txt", 470)
    data = small_lm.stream_data(other, random_phase=True, chunk_len=12)
    with pytest.raises(UserError, match="tokens was 432, is now 423"):
        small_lm.trainer(max_epochs=3).fit(
            small_lm.task(data, schedule="one_cycle"), datamodule=data, ckpt_path=tmp_path / "c" / "step-4.ckpt"
        )


def test_a_checkpoint_holds_plain_values_only(text: Path, tmp_path: Path) -> None:
    """It loads with weights_only; its classes are those of tensors and of JSON."""
    run(text, EveryStep(tmp_path), max_epochs=1)
    checkpoint = torch.load(tmp_path / "step-5.ckpt", weights_only=True)
    kinds = {type(value) for value in walk(checkpoint)}
    assert {kind.__name__ for kind in kinds} <= {"Tensor", "int", "float", "str", "bool", "NoneType"}
    assert list(checkpoint["rnnzoo"]) == ["validation_due", "ranks", "tokens_trained", "skipped"]
    assert checkpoint["rnnzoo"]["tokens_trained"] == 4 * sum(
        chunk.tokens.size(1)
        for chunk in list(small_lm.stream_data(text, chunk_len=12, random_phase=True).train_dataloader())[:5]
    )


def walk(value: Any) -> Any:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from walk(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from walk(item)
    else:
        yield value


def test_load_from_checkpoint_gives_the_same_model(text: Path, tmp_path: Path) -> None:
    _, module, _ = run(text, EveryStep(tmp_path), max_epochs=1, model=CELLS["weight dropout"])
    again = CharLM.load_from_checkpoint(tmp_path / f"step-{CHUNKS}.ckpt")
    assert again.model.config == module.model.config
    assert again.model.tokenizer == module.model.tokenizer
    assert again.optimizer_config == module.optimizer_config
    assert again.schedule_config == module.schedule_config
    tokens = torch.arange(8).view(2, 4)
    with torch.no_grad():
        assert again.eval()(tokens)[0].equal(module.eval()(tokens)[0])
    assert again.model.head.weight is again.model.embedding.weight  # still tied


def test_the_data_module_says_nothing_before_it_is_read(text: Path) -> None:
    data = StreamData({"files": [str(text)], "streams": 4, "chunk_len": 12})
    assert data.state_dict() == {}
    data.load_state_dict({})
    assert next(iter(data.train_dataloader())).number == 0
