"""Plans to decode with: they say what the model says, over any cell, and none is stale."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small_translator import small_translator

from rnnzoo import state as states
from rnnzoo.backbones import StackConfig
from rnnzoo.cells import CellConfig, builtin_cells
from rnnzoo.errors import UserError
from rnnzoo.inference import plans
from rnnzoo.inference.plans import prepared, weights
from rnnzoo.inference.plans.weights import PreparedWeight
from rnnzoo.models import LanguageModel, LanguageModelConfig, Seq2Seq
from rnnzoo.nn.attention import AttentionConfig
from rnnzoo.text import CharTokenizerConfig

TOKENIZER = CharTokenizerConfig().build(["abcdefghij\n"])
CONFIGS = [config for name in builtin_cells() for config in importlib.import_module(f"rnnzoo.cells.{name}").EXAMPLES]
Stepping = Callable[..., tuple[torch.Tensor, Any]]


@pytest.fixture(autouse=True)
def packs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small matrices are put into oneDNN's order, too."""
    monkeypatch.setattr(weights, "_WORTH_ORDER", 0)


def build(**fields: Any) -> LanguageModel:
    torch.manual_seed(0)
    base = {"embedding_dim": 12, "backbone": {"cell": "gru", "hidden_size": 20, "num_layers": 2}}
    return LanguageModelConfig.from_dict(base | fields).build(TOKENIZER).eval()


@torch.no_grad()
def said(step: Stepping, state: Any, vocab_size: int, memory: Any = (), dtype: torch.dtype | None = None) -> Any:
    """The logits of 50 steps of a carried state: of one row, then of 3, then of 64, chosen among those before."""
    draw = torch.Generator().manual_seed(1)
    found, rows = [], 1
    for number in range(50):
        if number in (20, 35):
            more = 3 if number == 20 else 64
            index = torch.randint(rows, (more,), generator=draw)
            state, memory, rows = states.gather(state, index), states.gather(memory, index), more
        logits, state = step(torch.randint(vocab_size, (rows,), generator=draw), state, memory)
        found.append(logits.double())
    return torch.cat(found)


def same(model: Any, state: Any, memory: Any = ()) -> None:
    """A plan over `model` says the same as the model: to rounding, of which float32 has more."""
    plan = plans.prepare(model, "torch")
    want, got = (said(each.step, state, model.vocab_size, memory) for each in (model, plan))
    dtype = states.leaves(state)[0].dtype
    if dtype == torch.float64:
        torch.testing.assert_close(got, want, rtol=0, atol=1e-12)
        return
    exact = said(model.double().step, states.to(state, dtype=torch.float64), model.vocab_size, wide(memory))
    own = (want - exact).abs().max().item()  # where a quotient makes much of rounding, the model's own is more
    torch.testing.assert_close(got, exact, rtol=0, atol=max(1e-5, 4 * own))
    torch.testing.assert_close(got, want, rtol=0, atol=max(1e-5, 8 * own))


def wide(memory: Any) -> Any:
    return states.to(memory, dtype=torch.float64) if memory else ()


def test_every_cell_is_here() -> None:
    assert {config.name for config in CONFIGS} == set(builtin_cells())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_every_cell_says_what_it_says_without_a_plan(config: CellConfig, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    stack = StackConfig(cell=config, hidden_size=20, num_layers=2)
    model = LanguageModelConfig(embedding_dim=12, backbone=stack).build(TOKENIZER).to(dtype).eval()
    same(model, model.initial_state(1))


STACKS: list[dict[str, Any]] = [
    {"residual": True, "hidden_size": 12},
    {"layer_norm": True, "zoneout": 0.2},
    {"weight_dropout": 0.5, "hidden_dropout": 0.3, "locked_dropout": True, "output_size": 12},
    {"block": {"norm": "rms", "expansion": 2, "gate": "silu", "conv_width": 3, "mlp_expansion": 2}},
]


@pytest.mark.parametrize("stack", STACKS, ids=str)
def test_stacks_with_something_between_their_cells(stack: dict[str, Any]) -> None:
    model = build(backbone={"cell": "lstm", "hidden_size": 20, "num_layers": 2} | stack).double()
    same(model, model.initial_state(1))


MODELS: list[dict[str, Any]] = [
    {"tied": True, "output_projection": 12},
    {"embedding_projection": 9, "output_projection": 7},
    {"adaptive_cutoffs": [4, 8]},
    {"adaptive_cutoffs": [4, 8], "tied": True, "embedding_dim": 16, "output_projection": 16, "embedding_projection": 9},
    {"adaptive_cutoffs": [4], "tied": True, "output_projection": 12},
]


@pytest.mark.parametrize("fields", MODELS, ids=str)
def test_models_with_something_around_their_stacks(fields: dict[str, Any]) -> None:
    model = build(**fields).double()
    same(model, model.initial_state(1))


TRANSLATORS: list[dict[str, Any]] = [
    *({"attention": kind} for kind in sorted(AttentionConfig.names())),
    {"attention": "additive", "input_feeding": True},
    {"attention": None},
    {"shared": "decoder", "decoder": {"cell": "layernorm_gru", "hidden_size": 8, "num_layers": 2}},
]


@pytest.mark.parametrize("fields", TRANSLATORS, ids=str)
def test_translators(fields: dict[str, Any]) -> None:
    model = small_translator(**fields).eval().double()
    with torch.no_grad():
        want = model.encode(torch.tensor([[1, 3, 2, model.src_boundary]]), torch.tensor([4]))
        got = plans.prepare(model, "torch").encode(torch.tensor([[1, 3, 2, model.src_boundary]]), torch.tensor([4]))
    assert all(map(torch.equal, states.leaves(got), states.leaves(want)))
    same(model, *want)


def test_where_pytorch_packs_nothing_the_products_are_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "packed", lambda weight, rows: None)
    model = build()
    same(model, model.initial_state(1))


def test_half_precision_is_left_to_pytorch() -> None:
    model = build().bfloat16()
    plan, tokens = plans.prepare(model, "torch"), torch.tensor([1, 2])
    want = model.step(tokens, model.initial_state(2))[0]
    torch.testing.assert_close(plan.step(tokens, plan.initial_state(2))[0], want, rtol=0, atol=0.02)


def test_the_first_layers_product_became_a_look_up() -> None:
    model = build()
    plan: Any = plans.prepare(model, "torch")
    cell = model.backbone.cells[0]
    want = cell.project(model.embedding.weight)  # type: ignore[operator]
    torch.testing.assert_close(plan.model.embedding(torch.arange(model.vocab_size)), want)
    assert not isinstance(plan.model.backbone.layers[0], type(cell))


def test_a_vocabulary_is_folded_as_its_tokens_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "_AT_ONCE", 0)
    model = build()
    table = plans.prepare(model, "torch").model.embedding  # type: ignore[attr-defined]
    seen = []
    table.register_forward_hook(lambda module, args, made: seen.append(int(table.known.sum())))
    with torch.no_grad():
        whole = model.backbone.cells[0].project(model.embedding.weight)  # type: ignore[operator]
    for tokens in ([3], [3, 5], [5, 3], [0, 1, 2]):
        torch.testing.assert_close(table(torch.tensor(tokens)), whole[tokens])
    assert seen == [1, 2, 2, 5]
    same(model, model.initial_state(1))


# -- what a plan is --------------------------------------------------------------------------------------------------


def test_neither_the_model_nor_what_is_given_is_changed() -> None:
    model = build(backbone={"cell": "lstm", "hidden_size": 20, "weight_dropout": 0.5}).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    types = [type(module) for module in model.modules()]
    plan = plans.prepare(model, "torch")
    tokens, state = torch.tensor([1, 2]), plan.initial_state(2)
    kept = states.map(torch.clone, state)
    first, after = plan.step(tokens, state)
    copy, later = first.clone(), states.map(torch.clone, after)
    plan.step(torch.tensor([4, 5]), after)
    assert torch.equal(first, copy)
    assert all(map(torch.equal, states.leaves((after, state)), states.leaves((later, kept))))
    assert not any(leaf.requires_grad or leaf.is_inference() for leaf in states.leaves((first, after)))
    assert [type(module) for module in model.modules()] == types
    assert all(module.training for module in model.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def change_in_place(model: LanguageModel) -> None:
    with torch.no_grad():
        model.head.weight.mul_(1.5)  # type: ignore[operator]


def change_data(model: LanguageModel) -> None:
    model.head.weight.data.mul_(1.5)  # type: ignore[operator]


def change_by_loading(model: LanguageModel) -> None:
    model.load_state_dict({name: 1.5 * tensor for name, tensor in model.state_dict().items()})


def change_by_replacing(model: LanguageModel) -> None:
    model.head.weight = torch.nn.Parameter(1.5 * model.head.weight)


def change_by_training(model: LanguageModel) -> None:
    model(torch.tensor([[1, 2]]))[0].square().sum().backward()
    torch.optim.AdamW(model.parameters(), fused=True).step()
    model.zero_grad()


CHANGES = [change_in_place, change_data, change_by_loading, change_by_replacing, change_by_training]


@pytest.mark.parametrize("change", CHANGES)
def test_a_models_own_plan_is_never_stale(change: Callable[[LanguageModel], None]) -> None:
    model, tokens = build(), torch.tensor([1])
    first = plans.plan_of(model)
    assert plans.plan_of(model) is first
    held = first.step(tokens, first.initial_state(1))[0]
    change(model)
    again = plans.plan_of(model)
    with torch.no_grad():
        want = model.step(tokens, model.initial_state(1))[0]
    torch.testing.assert_close(again.step(tokens, again.initial_state(1))[0], want)
    assert torch.equal(first.step(tokens, first.initial_state(1))[0], held)  # a snapshot
    assert (held - want).abs().max() > 1e-5


def test_a_plan_follows_its_model_to_another_type() -> None:
    model = build()
    plans.plan_of(model)
    plan = plans.plan_of(model.double())
    assert plan.step(torch.tensor([1]), plan.initial_state(1))[0].dtype == torch.float64


def test_a_backend_that_there_is_not() -> None:
    for ask in (lambda: plans.prepare(build(), "fast"), lambda: build().generate(backend="fast")):
        with pytest.raises(UserError, match=r"^backend must be one of auto, plain, torch"):
            ask()


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"seed": 3}, {"seed": 3, "num": 5}, {"beam": 4, "num": 2}])
def test_text_does_not_depend_on_the_backend(options: dict[str, Any]) -> None:
    model = build()
    texts = [model.generate("abc", max_new_tokens=60, backend=name, **options) for name in ("plain", "torch", "auto")]
    assert texts[0] == texts[1] == texts[2]


def test_translations_do_not_depend_on_the_backend() -> None:
    model: Seq2Seq = small_translator().eval()
    texts = ["abc", "hgf ed", "a"]
    want, got = (model.translations(texts, beam=3, nbest=3, max_len=8, backend=name) for name in ("plain", "torch"))
    assert [[each.tokens for each in row] for row in got] == [[each.tokens for each in row] for row in want]


# -- prepared weights ------------------------------------------------------------------------------------------------


def test_what_depends_on_weights_alone_is_computed_once() -> None:
    weight, gain = (PreparedWeight.of(tensor) for tensor in (torch.randn(6, 4), torch.randn(6)))
    scaled = [weight * gain.exp()[:, None] for _ in range(2)]
    assert scaled[0] is scaled[1]
    assert isinstance(scaled[0], PreparedWeight)
    assert weight.chunk(2)[0] is weight.chunk(2)[0]
    assert weight[:2] is weight[:2]
    assert weight[:2] is not weight[:3]
    x = torch.randn(3, 4)
    for number in range(3):
        torch.testing.assert_close(F.linear(x, weight[2 * number :]), x @ weight._plain[2 * number :].mT)
    assert type(x * weight[:3]) is torch.Tensor


def test_prepared_products_are_those_of_plain_weights() -> None:
    weight, bias = torch.randn(6, 4), torch.randn(6)
    ready = PreparedWeight.of(weight)
    for shape in ((4,), (1, 4), (3, 4), (1, 1, 4), (2, 3, 4), (0, 4)):
        x = torch.randn(shape)
        for b in (None, bias, PreparedWeight.of(bias)):
            want = F.linear(x, weight, None if b is None else bias)
            torch.testing.assert_close(F.linear(x, ready, b), want)
            torch.testing.assert_close(F.linear(x, ready, bias=b), want)
    strided = torch.randn(4, 3).T
    torch.testing.assert_close(F.linear(strided, ready), F.linear(strided, weight))
    x = torch.randn(1, 4, requires_grad=True)
    F.linear(x, ready).sum().backward()
    torch.testing.assert_close(x.grad, weight.sum(0, keepdim=True))


@pytest.mark.parametrize("outputs", [8, 64, 1024, 2048])
def test_only_where_pytorch_has_one_thread_a_large_product_is_openblas(
    monkeypatch: pytest.MonkeyPatch, outputs: int
) -> None:
    """The threads of both, side by side, wait for each other: a hundred times as long as the product itself takes."""
    product, bias, dot, asked = weights.Product(torch.randn(outputs, 256)), torch.randn(outputs), np.dot, []
    monkeypatch.setattr(weights.np, "dot", lambda a, b: asked.append(b.shape) or dot(a, b))
    before = torch.get_num_threads()
    try:
        for threads in (2, 1):
            torch.set_num_threads(threads)
            for x in (torch.randn(1, 256), torch.randn(256), torch.randn(1, 1, 256)):
                want = F.linear(x, product.weight, bias)
                torch.testing.assert_close(product(x, bias), want, rtol=1e-5, atol=1e-4)
                torch.testing.assert_close(product(x), want - bias, rtol=1e-5, atol=1e-4)
            assert bool(asked) == (threads == 1 or outputs == 8)
    finally:
        torch.set_num_threads(before)


def test_a_cuda_graph_needs_a_gpu() -> None:
    with pytest.raises(UserError, match="cuda-graph runs on a GPU"):
        plans.prepare(build(), "cuda-graph")


def test_what_gains_nothing_is_a_plain_tensor() -> None:
    """Asking a prepared weight costs more than a small operation, so only those are that save a step something."""
    model = build(backbone={"cell": "layernorm_lstm", "hidden_size": 20})
    kinds = {
        name: type(vars(module)[name])
        for module in plans.prepare(model, "torch").model.backbone.modules()  # type: ignore[attr-defined]
        for name, _ in module.named_parameters(recurse=False)
    }
    assert kinds["weight_hh"] is PreparedWeight
    assert [kind for name, kind in kinds.items() if not name.startswith("weight_")].count(torch.Tensor) > 0
    assert set(kinds.values()) == {PreparedWeight, torch.Tensor}
