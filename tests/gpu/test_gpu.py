"""On a GPU everything is what it is on a CPU: cells and their gradients, text, translations, trainings, recorded steps.

With ``RNNZOO_GPU=cpu`` they run without one, which shows that the tests themselves are right (but for CUDA graphs).
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import pytest
import small_lm
import torch
from small_translator import small_translator

from rnnzoo import state as states
from rnnzoo.backbones import StackConfig
from rnnzoo.cells import CellConfig, builtin_cells
from rnnzoo.inference import plans
from rnnzoo.inference.plans import captured
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.tasks import train
from rnnzoo.text import CharTokenizerConfig
from rnnzoo.zoo import load, read_metrics

DEVICE = os.environ.get("RNNZOO_GPU", "cuda")
if DEVICE == "cuda" and not torch.cuda.is_available():
    pytest.skip("there is no GPU here", allow_module_level=True)
recording = pytest.mark.skipif(DEVICE != "cuda", reason="CUDA graphs are a GPU's")

CONFIGS = [config for name in builtin_cells() for config in importlib.import_module(f"rnnzoo.cells.{name}").EXAMPLES]
TOKENIZER = CharTokenizerConfig().build(["abcdefghij\n"])
SENTENCES = ["abc, de.", "fg", "hhhh a. b", "c"]


def language_model(**backbone: Any) -> LanguageModel:
    torch.manual_seed(0)
    fields = {"embedding_dim": 12, "backbone": {"cell": "lstm", "hidden_size": 20, "num_layers": 2} | backbone}
    model = LanguageModelConfig.from_dict(fields).build(TOKENIZER).double().eval()
    with torch.no_grad():
        model.head.weight.mul_(8)  # type: ignore[operator]  # as decided as a trained one
    return model


@pytest.mark.parametrize("with_lengths", [False, True])
@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_outputs_states_and_gradients(config: CellConfig, with_lengths: bool) -> None:
    torch.manual_seed(0)
    stack = StackConfig(cell=config, hidden_size=10, num_layers=2).build(6).double()
    x, lengths = torch.randn(3, 7, 6).double(), torch.tensor([7, 3, 0]) if with_lengths else None
    found = []
    for device in ("cpu", DEVICE):
        stack = stack.to(device)
        stack.zero_grad()
        mine = x.to(device).requires_grad_()
        y, final = stack(mine, None, None if lengths is None else lengths.to(device))
        (y.square().sum() + sum(leaf.square().sum() for leaf in states.leaves(final))).backward()
        gradients = [weight.grad for weight in stack.parameters()]
        found.append([each.cpu() for each in (y, *states.leaves(final), mine.grad, *gradients)])
    torch.testing.assert_close(found[1], found[0], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("backend", ["auto", pytest.param("cuda-graph", marks=recording)])
@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"temperature": 0.8, "top_p": 0.9}], ids=str)
def test_text(options: dict[str, Any], backend: str) -> None:
    model = language_model()
    want = model.generate("abc", max_new_tokens=60, seed=3, num=2, **options)
    assert model.to(DEVICE).generate("abc", max_new_tokens=60, seed=3, num=2, backend=backend, **options) == want


@pytest.mark.parametrize("backend", ["auto", pytest.param("cuda-graph", marks=recording)])
@pytest.mark.parametrize("beam", [1, 4])
def test_translations(beam: int, backend: str) -> None:
    model = small_translator().double().eval()
    want = model.translate(SENTENCES, beam=beam)
    assert model.to(DEVICE).translate(SENTENCES, beam=beam, backend=backend) == want


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_training(tmp_path: Path, precision: str) -> None:
    text = small_lm.write_text(tmp_path / "text.txt")
    settings = {"trainer.accelerator": "gpu" if DEVICE == "cuda" else "cpu", "trainer.precision": precision}
    small: dict[str, Any] = {"text": text, "hidden_size": 8, "streams": 4, "chunk_len": 10, "epochs": 2}
    run = train("char-lstm.own-text", runs=tmp_path / "runs", settings=settings, **small)
    metrics = read_metrics(run)
    assert metrics["hardware"]["device"] == DEVICE
    assert metrics["nll"] < 2.4  # twelve characters: 2.48 for who knows nothing
    assert load(run).generate("a", max_new_tokens=5, seed=1)


@recording
@pytest.mark.parametrize("config", CONFIGS, ids=str)
@torch.no_grad()
def test_recorded_steps(config: CellConfig) -> None:
    """Of one row, then of three: first as they are, then replayed; states that were given out do not change."""
    torch.manual_seed(0)
    stack = StackConfig(cell=config, hidden_size=20, num_layers=2)
    model = LanguageModelConfig(embedding_dim=12, backbone=stack).build(TOKENIZER).double().eval().to(DEVICE)
    plan = plans.prepare(model, "cuda-graph")
    for rows in (1, 3):
        ours = theirs = model.initial_state(rows)
        given: list[tuple[Any, Any]] = []
        for _ in range(3 * captured._WORTH):
            tokens = torch.randint(model.vocab_size, (rows,), device=DEVICE)
            logits, ours = plan.step(tokens, ours)
            wanted, theirs = model.step(tokens, theirs)
            given.append((ours, states.map(torch.clone, ours)))
            torch.testing.assert_close(logits, wanted, rtol=0, atol=1e-9)
        for state, copy in given:
            torch.testing.assert_close(states.leaves(state), states.leaves(copy), rtol=0, atol=0)
    assert len(plan._recorded) == 2  # type: ignore[attr-defined]


@recording
@torch.no_grad()
def test_recorded_steps_of_several_sentences_in_turn() -> None:
    model = small_translator().double().eval().to(DEVICE)
    plan, tokens = plans.prepare(model, "cuda-graph"), torch.tensor([1], device=DEVICE)
    sources = [torch.tensor([[0, 1, 2, 3]]), torch.tensor([[4, 5, 1, 2]]), torch.tensor([[4, 5]])]
    read = [model.encode(src.to(DEVICE), torch.tensor([src.size(1)], device=DEVICE)) for src in sources]
    for _ in range(3 * captured._WORTH):
        for state, memory in read:
            wanted = model.step(tokens, state, memory)[0]
            torch.testing.assert_close(plan.step(tokens, state, memory)[0], wanted, rtol=0, atol=1e-9)


@recording
@torch.no_grad()
def test_only_so_many_shapes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captured, "_KEPT", 2)
    model = language_model().to(DEVICE)
    plan = plans.prepare(model, "cuda-graph")
    for rows in (1, 2, 3):
        tokens, state = torch.zeros(rows, dtype=torch.int64, device=DEVICE), model.initial_state(rows)
        for _ in range(captured._WORTH + 2):
            torch.testing.assert_close(plan.step(tokens, state)[0], model.step(tokens, state)[0], rtol=0, atol=1e-9)
    assert len(plan._recorded) == 2  # type: ignore[attr-defined]
