"""The fused forward of gated cells: its adjoint, precision, masks, packed products, and what it refuses."""

from __future__ import annotations

import gc
import importlib
from typing import Any, NamedTuple

import pytest
import torch
import torch.nn.functional as F

from rnnzoo import state as states
from rnnzoo.backbones import StackConfig
from rnnzoo.cells import CellConfig, builtin_cells, unroll
from rnnzoo.cells import _products as products
from rnnzoo.cells._affine import AffineCell, Params
from rnnzoo.cells._hoisted import HoistedCell
from rnnzoo.cells._kernel import KernelCell
from rnnzoo.shapes import Tensor
from rnnzoo.testing import check_cell, make_case
from rnnzoo.testing.results import compare, run

CONFIGS = [config for name in builtin_cells() for config in importlib.import_module(f"rnnzoo.cells.{name}").EXAMPLES]
AFFINE = [config for config in CONFIGS if isinstance(config.build(3, 5), AffineCell)]


def unrolled(cell: Any) -> bool:
    """It hoists its input's product and then goes step by step; PyTorch's kernels do that inside."""
    return isinstance(cell, HoistedCell) and type(cell).forward is not KernelCell.forward


HOISTED = [config for config in CONFIGS if unrolled(config.build(3, 5))]
affine = pytest.mark.parametrize("config", AFFINE, ids=str)
hoisted = pytest.mark.parametrize("config", HOISTED, ids=str)


def test_which_cells_these_are() -> None:
    assert {config.name for config in AFFINE} >= {
        *("cifg", "layernorm_gru", "layernorm_lstm", "peephole_lstm", "slstm", "ugrnn"),
    }
    assert {config.name for config in HOISTED} > {config.name for config in AFFINE} | {"mgu", "multiplicative_lstm"}


# -- one's own cell ----------------------------------------------------------------------------------------------------


class OwnState(NamedTuple):
    c: Tensor
    h: Tensor


class Own(AffineCell):
    """Shows something else than its h, has h second, and leaves its adjoint to autograd."""

    gates = 2
    pointwise_weights = ("scale",)

    def __init__(self) -> None:
        super().__init__(3, 5)
        self.scale = torch.nn.Parameter(torch.ones(5))

    def initial_state(self, batch_size: int, *, device: Any = None, dtype: Any = None) -> OwnState:
        return OwnState(*(self.zeros(batch_size, 5, device, dtype) for _ in range(2)))

    def pointwise(self, x_proj: Tensor, h_proj: Tensor, state: OwnState, params: Params) -> tuple[Tensor, OwnState]:
        (x_a, x_b), (h_a, h_b) = x_proj.chunk(2, -1), h_proj.chunk(2, -1)
        c = 0.5 * state.c + torch.tanh(x_a + x_b * h_a)
        return (c * params[0]).sin(), OwnState(c, torch.sigmoid(h_b) * c)


def test_pointwise_is_all_that_a_cell_has_to_write() -> None:
    check_cell(Own(), dtypes=[torch.float64])


# -- the adjoint -------------------------------------------------------------------------------------------------------


@affine
def test_a_closed_form_is_the_adjoint_of_pointwise(config: CellConfig) -> None:
    case = make_case(config)
    cell, state = case.cell, case.state
    x_proj, h_proj = cell.project(case.x[:, 0]).detach(), F.linear(case.x[:, 1], torch.randn_like(cell.weight_ih))
    params = tuple(param.detach() for param in cell.params)
    grads = (case.weight[:, 0], case.state_weight)
    own = cell.pointwise_backward(x_proj, h_proj, state, params, *grads)
    want = AffineCell.pointwise_backward(cell, x_proj, h_proj, state, params, *grads)
    projections = (torch.cat(part, -1) if isinstance(part, tuple) else part for part in own[:2])
    for got, expected in zip((*projections, *own[2], *own[3]), (*want[:2], *want[2], *want[3]), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


@affine
def test_a_second_derivative_is_refused_in_words(config: CellConfig) -> None:
    """Whatever the loss; and `unroll`, which the message names, has it."""
    case = make_case(config)
    x = case.x.clone().requires_grad_()
    for loss in (case.cell(x, case.state)[0].sum(), case.cell(x, case.state)[0].square().sum()):
        with pytest.raises(RuntimeError, match=r"can be differentiated once.*rnnzoo\.cells\.unroll"):
            torch.autograd.grad(loss, x, create_graph=True)
    loss = unroll(case.cell, x, case.state, None)[0].sum()
    (gradient,) = torch.autograd.grad(loss, x, create_graph=True)
    assert torch.autograd.grad(gradient.square().sum(), x)[0].any()


@hoisted
def test_a_backward_pass_can_be_repeated(config: CellConfig) -> None:
    case = make_case(config)
    loss = case.cell(case.x, case.state)[0].square().sum()
    weights = list(case.cell.parameters())
    first = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
    second = torch.autograd.grad(loss, weights, allow_unused=True)
    assert all(a is b is None or torch.equal(a, b) for a, b in zip(first, second, strict=True))


@affine
def test_the_carried_state_does_not_keep_the_sequence(config: CellConfig) -> None:
    cell = config.build(3, 5)
    _, final = cell(torch.randn(2, 50, 3))
    assert all(leaf.untyped_storage().nbytes() == 4 * leaf.numel() for leaf in states.leaves(states.detach(final)))


@affine
def test_without_gradients_nothing_is_kept(config: CellConfig) -> None:
    case = make_case(config)
    want = case.cell(case.x, case.state)[0]
    with torch.no_grad():
        y, final = case.cell(case.x, case.state)
    assert y.grad_fn is None
    assert all(leaf.grad_fn is None for leaf in states.leaves(final))
    torch.testing.assert_close(y, want)


# -- precision ---------------------------------------------------------------------------------------------------------


@hoisted
def test_under_autocast(config: CellConfig) -> None:
    """bfloat16 keeps 8 bits of what is multiplied: 2% of the largest output, 6% of a gradient's length, in six steps.

    What an AffineCell carries is float32 all the same.
    """
    case = make_case(config, torch.float32)
    want = run(case, case.cell, case.x, case.state)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = run(case, case.cell, case.x, case.state)
    if isinstance(case.cell, AffineCell):
        assert {result.dtype for name, result in got.items() if "gradient" not in name} == {torch.float32}
    compare({"outputs": got["outputs"].float()}, {"outputs": want["outputs"]}, 0.02)
    for name in got.keys() - {"loss"}:
        distance = (got[name].float() - want[name]).norm() / want[name].norm()
        assert distance < 0.06, f"{name}: {distance:.3f}"


# -- packed products ---------------------------------------------------------------------------------------------------


def long_case(config: CellConfig) -> Any:
    return make_case(config, torch.float32, input_size=16, hidden_size=20, steps=80)  # enough to be packed


@hoisted
def test_packed_products_and_plain_ones_agree(config: CellConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    case, made = long_case(config), []
    original = products.packed

    def counting(weight: Tensor, rows: int) -> Any:
        found = original(weight, rows)
        made.append(found)
        return found

    monkeypatch.setattr(products, "packed", counting)
    packed = run(case, case.cell, case.x, case.state)
    assert made
    if products.packed(torch.zeros(4, 4), 4) is None:
        pytest.skip("this build of PyTorch offers no packed products")
    assert any(found is not None for found in made)
    monkeypatch.setattr(products, "packed", lambda weight, rows: None)
    compare(packed, run(case, case.cell, case.x, case.state), case.tolerance)


def test_where_there_are_no_packed_products_there_are_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    weight, h = torch.randn(8, 4), torch.randn(3, 4)
    for dtype in (torch.float64, torch.bfloat16):
        assert products.packed(weight.to(dtype), 3) is None
    assert products.packed(torch.randn(2, 8, 4), 3) is None
    with monkeypatch.context() as patch:
        patch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
        assert products.packed(weight, 3) is None
    with monkeypatch.context() as patch:  # as in a version of PyTorch that has no such operator
        patch.setattr(torch.ops, "mkldnn", object())
        assert products.packed(weight, 3) is None
        torch.testing.assert_close(products.multiplier(weight, 3, 100)(h), h @ weight.t())


def test_a_projection_can_be_differentiated_twice() -> None:
    x, weight = torch.randn(400, 4, requires_grad=True), torch.randn(3, 4, requires_grad=True)

    def second(function: Any) -> tuple[Tensor, ...]:
        (gradient,) = torch.autograd.grad(function(x, weight).sin().sum(), x, create_graph=True)
        return torch.autograd.grad(gradient.square().sum(), (x, weight))

    for got, want in zip(second(products.hoisted_linear), second(F.linear), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-4)


# -- dropped weights, several ranks ------------------------------------------------------------------------------------


@hoisted
def test_weight_dropout_has_one_mask_for_a_forward(config: CellConfig) -> None:
    """What was dropped has no gradient, which no second mask would leave so."""
    stack = StackConfig(config, hidden_size=5, weight_dropout=0.5).build(3)
    stack(torch.randn(2, 9, 3), states.map(torch.randn_like, stack.initial_state(2)))[0].square().sum().backward()
    for name in stack.cells[0].recurrent_weights:
        gradient = stack.layers[0].parametrizations[name].original.grad
        assert 0.2 < (gradient == 0).double().mean() < 0.8


@affine
def test_data_parallel_training(config: CellConfig, tmp_path: Any) -> None:
    cell = config.build(3, 5)
    x = torch.randn(2, 6, 3)
    cell(x)[0].square().sum().backward()
    want = {name: parameter.grad.clone() for name, parameter in cell.named_parameters()}
    cell.zero_grad()
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    try:
        parallel = torch.nn.parallel.DistributedDataParallel(cell)
        parallel(x)[0].square().sum().backward()
        # Were it the last to hold the group, it would wait, holding the GIL, for threads that want it.
        del parallel
        gc.collect()
    finally:
        torch.distributed.destroy_process_group()
    for name, parameter in cell.named_parameters():
        torch.testing.assert_close(parameter.grad, want[name])
