"""The task in a plain `lightning.Trainer`: what is carried, what is scored, what disturbs what."""

from __future__ import annotations

import gc
import math
from pathlib import Path
from typing import Any

import lightning
import pytest
import small_lm
import torch
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader

from rnnzoo import state as states
from rnnzoo.cells import CellConfig
from rnnzoo.data.streams import StreamLoader, TokenStreams
from rnnzoo.models import LanguageModelConfig
from rnnzoo.tasks import CharLM
from rnnzoo.training import SampleConfig, SampleText, StreamData
from rnnzoo.zoo import measure

pytestmark = [pytest.mark.filterwarnings(filter) for filter in small_lm.FILTERS]


@pytest.fixture
def data(tmp_path: Path) -> StreamData:
    return small_lm.stream_data(small_lm.write_text(tmp_path / "text.txt", 900))


def losses(data: StreamData | None, *callbacks: Callback, train: Any = None, valid: Any = None, **options: Any) -> Any:
    seen = small_lm.Losses()
    lightning.seed_everything(11, verbose=False)
    source = data or small_lm.stream_data(Path(options.pop("text")))
    module = small_lm.task(source)
    fit = small_lm.trainer(seen, *callbacks, **({"max_epochs": 2} | options))
    if train is None:
        fit.fit(module, datamodule=source)
    else:
        fit.fit(module, train, valid)
    return seen.nats, module, fit


# ------------------------------------------------------------------------------- N windows == one forward


@pytest.mark.parametrize("cell", CellConfig.names() or ("lstm",))
def test_windows_with_a_carried_state_are_one_long_forward(data: StreamData, cell: str) -> None:
    backbone = {"cell": cell, "hidden_size": 8, "num_layers": 2}
    model = LanguageModelConfig.from_dict({"embedding_dim": 6, "backbone": backbone}).build(data.tokenizer)
    model = model.double().eval()
    streams = TokenStreams(data.ids("train")[:301], 4)
    (whole,) = StreamLoader(streams, 10**6)
    expected, last = model.nll(whole.tokens, whole.targets)
    for chunk_len, random_phase in ((1, False), (7, False), (7, True), (64, True)):
        total, state = 0.0, None
        for chunk in StreamLoader(streams, chunk_len, random_phase=random_phase):
            nats, state = model.nll(chunk.tokens, chunk.targets, state)
            state = states.detach(state)
            total += float(nats.detach())
        assert total == pytest.approx(float(expected.detach()), rel=1e-6)  # `nll` sums in float32
        for a, b in zip(states.leaves(state), states.leaves(last), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("eval_streams", [1, 3])
def test_a_score_does_not_depend_on_chunks_or_ranks(data: StreamData, eval_streams: int) -> None:
    """Chunk lengths and ranks only partition the streams; how many streams there are is part of the score."""
    module = small_lm.task(data)
    ids = data.ids("valid")
    reference = measure(module.model, ids, eval_streams)
    assert reference.tokens == len(ids) - 1
    figures = [measure(module.model, ids, eval_streams, chunk_tokens=n).nll for n in (1, 10, 57, 100000)]
    for streams, chunk_len in ((4, 3), (4, 50), (1, 1), (8, 25)):
        source = small_lm.stream_data(
            Path(data.config.files[0]), streams=streams, chunk_len=chunk_len, eval_streams=eval_streams
        )
        (scores,) = small_lm.trainer().validate(module, datamodule=source, verbose=False)
        assert scores["val/ppl"] == pytest.approx(math.exp(scores["val/nll"]), rel=1e-6)
        assert scores["val/bits"] == pytest.approx(scores["val/nll"] / math.log(2), rel=1e-6)
        figures.append(scores["val/nll"])
    module.model.eval()
    for ranks in (2, 3):
        nats, tokens = 0.0, 0
        for rank in range(ranks):
            loader = StreamLoader(TokenStreams(ids, eval_streams), 10, rank=rank, world_size=ranks, evaluation=True)
            module._begin_score("val")
            for chunk in loader:
                with torch.no_grad():
                    module._score(chunk, "val")
            nats += float(module.val_score.nats)
            tokens += int(module.val_score.tokens)
        assert tokens == reference.tokens
        figures.append(nats / tokens)
    assert max(abs(figure - reference.nll) for figure in figures) <= 1e-6
    other = measure(module.model, ids, eval_streams + 4)
    assert other.tokens == reference.tokens
    assert abs(other.nll - reference.nll) > 1e-6


def test_test_split(tmp_path: Path) -> None:
    source = small_lm.stream_data(small_lm.write_text(tmp_path / "a.txt"), test_part=True)
    module = small_lm.task(source)
    (scores,) = small_lm.trainer().test(module, datamodule=source, verbose=False)
    assert scores["test/nll"] == pytest.approx(measure(module.model, source.ids("test"), 2).nll, abs=1e-6)


# -------------------------------------------------------------------------------------- what is carried


class Watch(Callback):
    """What the task carries after each chunk."""

    def __init__(self) -> None:
        self.states: list[dict[str, torch.Tensor]] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        carry = pl_module._carry["train"]
        for leaf in states.leaves(carry):
            assert leaf.grad_fn is None
            assert not leaf.requires_grad
        self.states.append(states.flatten(carry))


def test_state_is_carried_detached_and_reset_where_streams_begin(data: StreamData) -> None:
    """The carried states are those of a hand-written loop over the chunks of two epochs."""
    watch = Watch()
    plain = {"embedding_dim": 6, "backbone": {"cell": "gru", "hidden_size": 8}}
    module = small_lm.task(data, plain, optimizer={"name": "sgd", "lr": 1e-12})  # it stays as it is
    small_lm.trainer(watch, max_epochs=2).fit(module, datamodule=data)
    expected = []
    for _ in range(2):
        state = None
        for chunk in small_lm.chunks(data):
            _, state = module.model.nll(chunk.tokens, chunk.targets, state)
            expected.append(states.flatten(states.detach(state)))
    assert len(watch.states) == len(expected) == 2 * len(small_lm.chunks(data)) > 40
    for seen, wanted in zip(watch.states, expected, strict=True):
        for name in wanted:
            torch.testing.assert_close(seen[name], wanted[name], rtol=0, atol=1e-6)


def test_chunks_of_ones_own(data: StreamData) -> None:
    """As a dataloader of any make they train as the data module does."""
    expected, *_ = losses(data, limit_val_batches=0)
    own = small_lm.chunks(data)
    assert losses(data, train=own)[0] == expected
    loader = DataLoader(own.chunks, batch_size=None, shuffle=False)
    found = losses(data, train=loader)[0]
    assert len(found) == len(expected)
    assert all(math.isfinite(float.fromhex(nats)) for nats in found)


def test_a_reset_inside_an_epoch_is_obeyed(data: StreamData) -> None:
    """A user's own chunks may begin a document anywhere, in some rows only."""
    module = small_lm.task(data).eval()
    first, second, *_ = small_lm.chunks(data)
    module._nats(first, "train")
    mixed = second._replace(reset=torch.tensor([False, True, False, True]))
    with torch.no_grad():
        got = module._nats(mixed, "train")
        _, carry = module.model.nll(first.tokens, first.targets)
        kept, _ = module.model.nll(second.tokens[::2], second.targets[::2], states.gather(carry, torch.tensor([0, 2])))
        fresh, _ = module.model.nll(second.tokens[1::2], second.targets[1::2])
    assert float(got) == pytest.approx(float(kept + fresh), rel=1e-5)


@pytest.mark.parametrize(("before", "after"), [(4, 2), (1, 4), (2, 4)])
@pytest.mark.parametrize("number", [0, 3])
def test_another_number_of_rows(data: StreamData, before: int, after: int, number: int) -> None:
    """Never broadcast without a word: where all rows begin anew it is right, else it is an error."""
    module = small_lm.task(data).eval()
    module._nats(next(iter(small_lm.chunks(data, streams=before))), "train")
    chunk = next(iter(small_lm.chunks(data, streams=after)))._replace(number=number)
    with torch.no_grad():
        expected, _ = module.model.nll(chunk.tokens, chunk.targets)
        assert float(module._nats(chunk, "train")) == float(expected)
    module._nats(next(iter(small_lm.chunks(data, streams=before))), "train")
    with pytest.raises(ValueError, match=f"expected {after} rows"):
        module._nats(chunk._replace(reset=torch.zeros(after, dtype=torch.bool)), "train")


def test_nothing_grows(data: StreamData) -> None:
    """The same number of live tensors after 10 and after 60 chunks."""

    class Count(Callback):
        def __init__(self) -> None:
            self.counts: dict[int, int] = {}

        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            if trainer.global_step in (10, 60):
                gc.collect()
                kinds = [type(thing) for thing in gc.get_objects()]
                self.counts[trainer.global_step] = kinds.count(torch.Tensor) + kinds.count(torch.nn.Parameter)

    count = Count()
    losses(data, count, max_epochs=3, limit_val_batches=0)
    assert len(count.counts) == 2
    assert max(count.counts.values()) - min(count.counts.values()) <= 2


# ------------------------------------------------------------------------- validation leaves training alone


class Draw(Callback):
    """Validation that draws random numbers."""

    def on_validation_batch_end(self, *args: Any, **kwargs: Any) -> None:
        torch.rand(3)


@pytest.mark.parametrize("interval", [1.0, 0.25, 7])
def test_validation_does_not_disturb_training(data: StreamData, interval: float) -> None:
    without, *_ = losses(data, limit_val_batches=0)
    with_validation, module, fit = losses(data, Draw(), val_check_interval=interval)
    assert with_validation == without
    if interval == 1.0:  # the last one is of the weights as they are now
        score = measure(module.model, data.ids("valid"), 2)
        assert float(fit.callback_metrics["val/nll"]) == pytest.approx(score.nll, abs=1e-6)


def test_a_validation_dataloader_that_draws_does_not_disturb_training(data: StreamData) -> None:
    """PyTorch's DataLoader draws a seed from the global generator whenever it is begun."""
    train, valid = small_lm.chunks(data), small_lm.chunks(data, "valid", 2)
    without, *_ = losses(data, train=train)
    loader = DataLoader(valid.chunks, batch_size=None, shuffle=False)
    assert losses(data, train=train, valid=loader, val_check_interval=5)[0] == without


def test_samples_do_not_disturb_training(data: StreamData, capsys: pytest.CaptureFixture[str]) -> None:
    without, *_ = losses(data, limit_val_batches=0)
    sample = SampleText(SampleConfig(every_n_steps=7, max_new_tokens=5, prompt="ab"))
    assert losses(data, sample, limit_val_batches=0)[0] == without
    printed = capsys.readouterr().out
    assert printed.count("--- step ") == len(without) // 7
    assert "--- step 7 ---\nab" in printed


def test_a_sample_that_cannot_be_is_no_end_of_training(data: StreamData, capsys: pytest.CaptureFixture[str]) -> None:
    sample = SampleText(SampleConfig(every_n_steps=20, max_new_tokens=5, prompt="Ж"))
    losses(data, sample, limit_val_batches=0, max_epochs=1)
    assert "U+0416" in capsys.readouterr().out


def test_one_sample_a_step_under_accumulation(data: StreamData, capsys: pytest.CaptureFixture[str]) -> None:
    sample = SampleText(SampleConfig(every_n_steps=1, max_new_tokens=2))
    losses(data, sample, limit_val_batches=0, max_epochs=1, limit_train_batches=12, accumulate_grad_batches=4)
    assert capsys.readouterr().out.count("--- step ") == 3


# ------------------------------------------------------------------------------------------------- learning


@pytest.mark.parametrize("cell", CellConfig.names() or ("lstm",))
def test_overfits_one_batch(data: StreamData, cell: str) -> None:
    """Near zero nats a token, through the trainer."""
    backbone = {"cell": cell, "hidden_size": 32}
    source = small_lm.stream_data(Path(data.config.files[0]), streams=1, chunk_len=48)
    module = small_lm.task(source, {"embedding_dim": 16, "backbone": backbone}, optimizer={"name": "adamw", "lr": 0.02})
    seen = small_lm.Losses()
    steps = 300 if cell == "indrnn" else 150
    train = small_lm.Chunks(small_lm.chunks(source, streams=1, chunk_len=48).chunks[:1] * steps)
    small_lm.trainer(seen, gradient_clip_val=1.0, limit_val_batches=0).fit(module, train)
    first, last = (float.fromhex(seen.nats[i]) / 48 for i in (0, -1))
    if cell not in ("indrnn", "lru", "sru"):  # whose outputs have no bound, so a new network is surer than it should be
        assert first == pytest.approx(math.log(module.model.vocab_size), rel=0.2)
    assert last < (0.05 if cell == "qrnn" else 0.02)  # no state reaches its gates: it tells places apart less well


def test_logged_training_loss_is_that_of_the_steps_since_the_last_log(data: StreamData) -> None:
    class Logged(Callback):
        def __init__(self) -> None:
            self.found: dict[int, float] = {}

        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            if "train/nll" in trainer.callback_metrics:
                self.found.setdefault(trainer.global_step, float(trainer.callback_metrics["train/nll"]))

    logged = Logged()
    nats, *_ = losses(data, logged, limit_val_batches=0, limit_train_batches=10, max_epochs=1, log_every_n_steps=5)
    assert logged.found[5] == pytest.approx(sum(map(float.fromhex, nats[:5])) / (5 * 40), rel=1e-6)
    logged.found.clear()
    nats, _, fit = losses(
        data, logged, limit_val_batches=0, limit_train_batches=12, max_epochs=1, log_every_n_steps=2,
        accumulate_grad_batches=3,
    )  # fmt: skip
    assert min(logged.found) == 2  # not before the first step
    assert logged.found[2] == pytest.approx(sum(map(float.fromhex, nats[:6])) / (6 * 40), rel=1e-6)
    assert float(fit.callback_metrics["train/nll"]) == pytest.approx(
        sum(map(float.fromhex, nats[6:])) / (6 * 40), rel=1e-6
    )


# -------------------------------------------------------------------------------------------- construction


def test_a_model_a_config_or_a_mapping(data: StreamData) -> None:
    config = LanguageModelConfig.from_dict(small_lm.MODEL)
    model = config.build(data.tokenizer).eval()
    module = CharLM(model)
    assert module.model is model
    assert model.training
    assert CharLM(config, data.tokenizer).model.config == config
    assert CharLM(small_lm.MODEL, data.tokenizer.to_dict()).model.tokenizer == data.tokenizer
    with pytest.raises(ValueError, match="needs a tokenizer"):
        CharLM(config)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_bf16_with_clipping(data: StreamData, optimizer: str) -> None:
    """Lightning refuses to clip in mixed precision for optimisers that take the loss's scale out themselves."""
    options: dict[str, Any] = {"limit_train_batches": 4, "max_epochs": 1, "gradient_clip_val": 0.1}
    seen = []
    for precision in ("32-true", "bf16-mixed"):
        losses_of = small_lm.Losses()
        lightning.seed_everything(11, verbose=False)
        module = small_lm.task(data, optimizer=optimizer)
        small_lm.trainer(losses_of, precision=precision, **options).fit(module, datamodule=data)
        seen.append([float.fromhex(nats) for nats in losses_of.nats])
    assert seen[1] == pytest.approx(seen[0], rel=0.02)
