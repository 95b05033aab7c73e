"""The cells without a recurrent matrix: how they begin, and what they compute in half precision."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from rnnzoo import state as states
from rnnzoo.cells import gated_deltanet, indrnn, lru, mingru, minlstm, mlstm, qrnn, rglru, sru
from rnnzoo.errors import UserError
from rnnzoo.shapes import Tensor

NAMES = ["gated_deltanet", "indrnn", "lru", "mingru", "minlstm", "mlstm", "qrnn", "rglru", "sru"]
CELLS = [gated_deltanet, indrnn, lru, mingru, minlstm, mlstm, qrnn, rglru, sru]

# -- initialisation --------------------------------------------------------------------------------------------------


def assert_uniform(values: Tensor, low: float, high: float) -> None:
    """All between the bounds, and as many in each quarter; 20,000 of them are within 1% of that."""
    assert low <= values.min() <= values.max() <= high
    quarters = torch.histc(values.detach(), 4, low, high) / len(values)
    torch.testing.assert_close(quarters, torch.full((4,), 0.25), atol=0.015, rtol=0)


def test_lru_begins_in_a_ring_uniform_by_area() -> None:
    """Orvieto et al. 2023, lemma 3.2 and section 3.4."""
    cell = lru(3, 4, state_size=20_000, r_min=0.9, r_max=0.999, max_phase=1.5)
    modulus = cell._factor().abs()
    assert_uniform(modulus**2, 0.9**2, 0.999**2)
    assert_uniform(cell._factor().angle(), 0, 1.5)
    torch.testing.assert_close(cell.gamma.exp(), (1 - modulus**2).sqrt(), rtol=1e-3, atol=0)


def test_lru_keeps_the_variance_of_noise() -> None:
    """What gamma is for: each unit of the state has a second moment near one, however long it remembers."""
    cell = lru(64, 64, r_min=0.5, r_max=0.99)
    _, state = cell(torch.randn(64, 600, 64))
    assert (state.re**2 + state.im**2).mean().item() == pytest.approx(1, rel=0.1)


def test_lru_has_no_ring_outside_the_unit_circle() -> None:
    with pytest.raises(UserError, match=r"0 <= r_min < r_max < 1 does not hold for 0\.9 and 1\.0"):
        lru(3, 4, r_max=1.0)
    assert torch.isfinite(
        lru(3, 4, state_size=20_000, r_min=0.0)(torch.randn(1, 2, 3))[0]
    ).all()  # a ring without a hole


def test_rglru_begins_with_decays_between_the_bounds() -> None:
    """De et al. 2024, section 2.4: sigmoid(Lambda)^c is uniform."""
    assert_uniform(rglru(3, 20_000, heads=1000).decay.sigmoid() ** 8, 0.9, 0.999)


def test_mlstm_begins_remembering_each_head_for_another_time() -> None:
    cell = mlstm(3, 8, heads=4)
    assert not cell.weight_gates.any()
    i, f = cell.bias_gates.chunk(2)
    assert f.tolist() == [3, 4, 5, 6]
    assert i.abs().max() < 0.5


def test_gated_deltanet_begins_as_mamba_2() -> None:
    cell = gated_deltanet(3, 20_000, heads=20_000)
    assert_uniform(cell.log_a.exp(), 0, 16)
    assert_uniform(F.softplus(cell.bias_alpha).log10(), -3, -1)


def test_indrnn_begins_between_the_bounds() -> None:
    assert_uniform(indrnn(3, 20_000).weight_hh, 0, 1)
    assert_uniform(indrnn(3, 20_000, recurrent_min=-0.5, recurrent_max=0.5).weight_hh, -0.5, 0.5)


def test_sru_keeps_the_variance_from_layer_to_layer() -> None:
    """Lei et al. 2018, section 3.2: with alpha, outputs vary about as much as inputs, for any bias of the highway."""
    for bias in (0.0, -2.0):
        y, _ = sru(256, 256, highway_bias=bias)(torch.randn(8, 200, 256))
        assert y[:, 100:].var().item() == pytest.approx(1, rel=0.35)
    cell = sru(400, 300, highway_bias=-2.0)
    content, f, r, highway = cell.weight_ih.split(300)
    assert [part.var().item() * 400 for part in (content, f, r, highway)] == pytest.approx([1, 0.5, 0.5, 1], rel=0.03)
    assert [part.unique().tolist() for part in cell.bias_ih.chunk(2)] == [[0], [-2]]


@pytest.mark.parametrize(
    ("cell", "gates", "forget"), [(mingru, 2, {}), (minlstm, 3, {1: 1.5}), (qrnn, 3, {1: 1.5})], ids=str
)
def test_biases_begin_at_zero_but_for_the_forget_gate(cell: Tensor, gates: int, forget: dict[int, float]) -> None:
    built = cell(3, 5, **({"forget_bias": 1.5} if forget else {}))
    want = [forget.get(gate, 0.0) for gate in range(gates)]
    assert [part.unique().tolist() for part in built.bias_ih.chunk(gates)] == [[value] for value in want]


# -- half precision --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS, ids=NAMES)
def test_under_autocast_the_state_stays_in_float32(cell: Tensor) -> None:
    """And the error is that of the narrow products, however many steps it is carried over."""
    layer, x = cell(16, 16), torch.randn(2, 300, 16)
    want, _ = layer(x)
    with torch.autocast("cpu", torch.bfloat16):
        y, state = layer(x)
        assert {leaf.dtype for leaf in states.leaves(state)} == {torch.float32}
        y_t, after = layer.step(x[:, 0], state)
        assert {leaf.dtype for leaf in states.leaves(after)} == {torch.float32}
        again, _ = layer(x[:, :1], state)
    torch.testing.assert_close(y_t.float(), again[:, 0].float(), rtol=0.03, atol=0.03)
    scale = want.abs().max().item()
    assert (y.float() - want)[:, -50:].abs().max().item() < 0.05 * scale
    gradients = torch.autograd.grad(y.float().square().sum(), list(layer.parameters()))
    assert all(gradient.dtype == torch.float32 and gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("cell", CELLS, ids=NAMES)
def test_all_of_it_in_bfloat16(cell: Tensor) -> None:
    layer, x = cell(16, 16).bfloat16(), torch.randn(2, 20, 16).bfloat16()
    y, state = layer(x, lengths=torch.tensor([20, 3]))
    y_t, after = layer.step(x[:, 0], state)
    assert {leaf.dtype for leaf in (y, y_t, *states.leaves(state), *states.leaves(after))} == {torch.bfloat16}
    y.float().sum().backward()
    assert all(weight.grad.isfinite().all() for weight in layer.parameters())
