"""Any split of a batch into micro-batches and ranks gives the gradient of the mean loss per token."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightning
import pytest
import small_lm
import torch
from lightning.pytorch.callbacks import Callback

from rnnzoo.data.streams import IGNORED, Chunk
from rnnzoo.tasks import CharLM

pytestmark = [pytest.mark.filterwarnings(filter) for filter in small_lm.FILTERS]

PLAIN = {"embedding_dim": 6, "backbone": {"cell": "lstm", "hidden_size": 8}}  # nothing random in a forward


class Gradients(Callback):
    """The gradients that the optimiser is given, after scaling and clipping."""

    def __init__(self) -> None:
        self.found: list[dict[str, torch.Tensor]] = []

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        clip = pl_module.configure_gradient_clipping  # Lightning calls it last before the step, whether it clips or not

        def noted(*args: Any, **kwargs: Any) -> None:
            clip(*args, **kwargs)
            self.found.append({name: p.grad.clone() for name, p in pl_module.named_parameters()})

        pl_module.configure_gradient_clipping = noted


def random_chunk(seed: int, rows: int = 4, steps: int = 6, ignored: int = 0, vocabulary: int = 12) -> Chunk:
    """A chunk whose rows all begin anew, so that chunks are independent and can be put side by side."""
    draw = torch.Generator().manual_seed(seed)
    tokens = torch.randint(vocabulary, (rows, steps), generator=draw)
    targets = torch.randint(vocabulary, (rows, steps), generator=draw)
    targets.view(-1)[torch.randperm(rows * steps, generator=draw)[:ignored]] = IGNORED
    return Chunk(tokens, targets, torch.ones(rows, dtype=torch.bool), seed, rows * steps - ignored)


def joined(chunks: list[Chunk]) -> Chunk:
    tokens, targets, reset = (torch.cat([getattr(chunk, name) for chunk in chunks]) for name in Chunk._fields[:3])
    return Chunk(tokens, targets, reset, 0, sum(chunk.num_targets for chunk in chunks))


def module(text: Path, **options: Any) -> CharLM:
    return small_lm.task(small_lm.stream_data(text), PLAIN, **{"optimizer": {"name": "sgd", "lr": 0.5}, **options})


def trained(text: Path, chunks: list[Chunk], **options: Any) -> tuple[CharLM, list[dict[str, torch.Tensor]]]:
    task, seen = module(text), Gradients()
    small_lm.trainer(seen, limit_val_batches=0, **options).fit(task, small_lm.Chunks(chunks))
    return task, seen.found


def mean_gradient(task: CharLM, chunk: Chunk) -> dict[str, torch.Tensor]:
    """By hand: of the mean over all targets that count."""
    task.zero_grad()
    logits, _ = task.model(chunk.tokens)
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), chunk.targets.flatten(), ignore_index=IGNORED).backward()
    return {name: p.grad.clone() for name, p in task.named_parameters() if p.grad is not None}


def close(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(
            a[name], b[name], rtol=1e-4, atol=1e-7, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_lm.write_text(tmp_path_factory.mktemp("text") / "text.txt", 480)


@pytest.mark.parametrize("accumulate", [1, 2, 4])
@pytest.mark.parametrize("ignored", [(0, 0, 0, 0, 0, 0), (23, 0, 5, 24, 12, 1)], ids=["even", "uneven"])
def test_micro_batches(text: Path, accumulate: int, ignored: tuple[int, ...]) -> None:
    """Six chunks, some with few targets that count, one with none; with 4 the last window is not full."""
    chunks = [random_chunk(seed, ignored=n) for seed, n in enumerate(ignored)]
    task, found = trained(text, chunks, accumulate_grad_batches=accumulate)
    assert len(found) == -(-len(chunks) // accumulate)
    by_hand = module(text)
    for step, gradients in enumerate(found):
        window = joined(chunks[step * accumulate : (step + 1) * accumulate])
        expected = (
            mean_gradient(by_hand, window)
            if window.num_targets
            else {n: torch.zeros_like(g) for n, g in gradients.items()}
        )
        close(gradients, expected)
        with torch.no_grad():
            for name, parameter in by_hand.named_parameters():
                parameter -= 0.5 * expected[name]
    for (name, a), b in zip(task.named_parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6, msg=name)


def test_successive_chunks_with_a_carried_state(text: Path) -> None:
    """An accumulation window is successive chunks: the sum of truncated gradients, each from the state before it."""
    data = small_lm.stream_data(text)
    chunks = list(data.train_dataloader())[:3]
    seen = Gradients()
    small_lm.trainer(seen, limit_val_batches=0, limit_train_batches=3, accumulate_grad_batches=3).fit(
        module(text), datamodule=data
    )
    by_hand, state = module(text), None
    for chunk in chunks:
        nats, state = by_hand.model.nll(chunk.tokens, chunk.targets, state)
        state = tuple(type(layer)(*(leaf.detach() for leaf in layer)) for layer in state)
        (nats / sum(c.num_targets for c in chunks)).backward()
    (found,) = seen.found
    close(found, {name: p.grad for name, p in by_hand.named_parameters() if p.grad is not None})


@pytest.mark.parametrize("algorithm", ["norm", "value"])
def test_clipping_comes_after_scaling(text: Path, algorithm: str) -> None:
    """What is clipped is the gradient of the mean: one below the threshold is left alone, one above comes out at it."""
    chunk = random_chunk(0)
    expected = mean_gradient(module(text), chunk)
    flat = torch.cat([g.flatten() for g in expected.values()])
    size = float(flat.norm() if algorithm == "norm" else flat.abs().max())
    for threshold, same in ((2 * size, True), (size / 2, False)):
        (found,) = trained(
            text, [chunk], gradient_clip_val=threshold, gradient_clip_algorithm=algorithm, accumulate_grad_batches=1
        )[1]
        if same:
            close(found, expected)
            continue
        got = torch.cat([g.flatten() for g in found.values()])
        assert float(got.norm() if algorithm == "norm" else got.abs().max()) == pytest.approx(threshold, rel=1e-4)
        if algorithm == "norm":
            close(found, {name: g / 2 for name, g in expected.items()})


# --------------------------------------------------------------------------------------------- two processes

SCRIPT = Path(__file__).with_name("two_ranks.py")


def ranks(tmp_path: Path, text: Path, *words: str) -> list[dict[str, Any]]:
    """What each of two real processes saw (gloo, on the CPU), warnings being errors there too."""
    out = tmp_path / "out"
    command = [sys.executable, str(SCRIPT), str(text), str(out), *words]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=small_lm.environment(),
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(Path(f"{out}.{rank}.json").read_text()) for rank in range(2)]


def test_two_ranks(tmp_path: Path, text: Path) -> None:
    """Gradients, scores, streams and resuming on two ranks are those of one process."""
    one, two = ranks(tmp_path, text)
    alone = small_lm.stream_data(text, eval_streams=3)
    seen, losses = Gradients(), small_lm.Losses()
    fit = small_lm.trainer(seen, losses, max_epochs=1, accumulate_grad_batches=2, gradient_clip_val=0.1)
    task = module(text)
    fit.fit(task, datamodule=alone)
    # each rank reads half of the rows, and both take the steps of one process
    assert one["tokens"] + two["tokens"] == task.tokens_trained
    for name, parameter in task.named_parameters():
        for rank in (one, two):
            torch.testing.assert_close(torch.tensor(rank["weights"][name]), parameter.detach(), rtol=1e-4, atol=1e-6)
    for step, gradients in enumerate(seen.found):
        close({name: torch.tensor(one["gradients"][step][name]) for name in gradients}, gradients)
    for mine, a, b in zip(losses.nats, one["nats"], two["nats"], strict=True):
        assert float.fromhex(a) + float.fromhex(b) == pytest.approx(float.fromhex(mine), rel=1e-5)
    # the score is of three streams, one rank has only one of them
    for rank in (one, two):
        assert rank["val"] == pytest.approx(float(fit.callback_metrics["val/nll"]), abs=1e-6)
    # resumed from the middle, with dropout: each rank has its own state and its own random numbers back
    for rank in (one, two):
        assert rank["resumed"] == rank["straight"][-len(rank["resumed"]) :]
        assert len(rank["resumed"]) == len(rank["straight"]) - 4
    assert one["straight"] != two["straight"]
    assert one["ranks"] == 2
    assert one["carries_differ"]
