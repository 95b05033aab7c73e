"""The block: its parts put together by hand, what is refused, and stacks of it. The laws are in test_stack_laws."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from rnnzoo import state as states
from rnnzoo.backbones import BidirectionalStackConfig, Block, BlockConfig, StackConfig
from rnnzoo.cells import CellConfig
from rnnzoo.errors import UserError

MINGRU, RGLRU, LSTM = (CellConfig.from_dict(name) for name in ("mingru", "rglru", "lstm"))


def block_of(cell: CellConfig, config: BlockConfig, input_size: int = 4, hidden_size: int = 4) -> Block:
    size = config.cell_size(hidden_size)
    return Block(config, cell.build(size, size), input_size, hidden_size)


def test_the_defaults_are_norm_cell_residual() -> None:
    block, x = block_of(MINGRU, BlockConfig()), torch.randn(2, 5, 4)
    torch.testing.assert_close(block(x)[0], x + block.cell(F.rms_norm(x, (4,), eps=1e-6))[0])
    assert {name for name, _ in block.named_parameters()} == {"norm.weight", "cell.weight_ih", "cell.bias_ih"}


def test_griffins_residual_block_by_hand() -> None:
    """De et al. 2024, figure 2: two branches, one through the convolution and the RG-LRU, one through GeLU."""
    block = block_of(RGLRU, BlockConfig(expansion=1.5, gate="gelu", conv_width=4, mlp_expansion=3))
    assert (block.cell.input_size, block.cell.output_size) == (6, 6)
    x = torch.randn(2, 5, 4)
    inner, gate = block.up(block.norm(x)).chunk(2, -1)
    assert block.conv is not None
    assert block.mlp is not None
    inner, _ = block.conv(inner, torch.zeros(2, 3, 6))
    middle = x + block.down(F.gelu(gate) * block.cell(inner)[0])
    a, b = block.mlp.up(block.mlp.norm(middle)).chunk(2, -1)
    assert a.shape == (2, 5, 12)
    torch.testing.assert_close(block(x)[0], middle + block.mlp.down(F.gelu(a) * b))


def test_the_cells_output_is_normalised_head_by_head() -> None:
    config = BlockConfig(norm="layer", expansion=2, conv_width=2, conv_activation="silu", cell_norm=2)
    block, x = block_of(CellConfig.from_dict({"name": "mlstm", "heads": 2}), config), torch.randn(2, 5, 4)
    assert block.conv is not None
    inner, _ = block.conv(block.up(block.norm(x)), torch.zeros(2, 1, 8))
    y, _ = block.cell(F.silu(inner))
    heads = F.layer_norm(y.view(2, 5, 2, 4), (4,)).view(2, 5, 8)
    torch.testing.assert_close(block(x)[0], x + block.down(heads))


def test_another_input_size_is_projected_first() -> None:
    block, x = block_of(MINGRU, BlockConfig(), input_size=3), torch.randn(2, 5, 3)
    same = block_of(MINGRU, BlockConfig())
    same.load_state_dict({n: w for n, w in block.state_dict().items() if not n.startswith("enter")})
    torch.testing.assert_close(block(x)[0], same(block.enter(x))[0])


def test_the_state_has_the_convolutions_past_and_the_cells() -> None:
    with_conv = block_of(LSTM, BlockConfig(expansion=2, conv_width=4)).initial_state(3)
    shapes = {name: tuple(leaf.shape) for name, leaf in states.flatten(with_conv).items()}
    assert shapes == {"conv": (3, 3, 8), "cell.h": (3, 8), "cell.c": (3, 8)}
    assert states.flatten(block_of(LSTM, BlockConfig()).initial_state(3)).keys() == {"cell.h", "cell.c"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gate": "gelu"}, r"a gate needs an expansion \(1 keeps the width\)"),
        ({"conv_width": 1}, "2 <= conv_width <= 1e4 or 0; got 1"),
        ({"conv_activation": "silu"}, "a conv_activation needs a conv_width"),
        ({"mlp_expansion": -1.0}, "0 <= mlp_expansion"),
        ({"norm": "batch"}, r"norm: unknown value 'batch' \(known: layer, rms\)"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        BlockConfig.from_dict(options)


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="the cell is 3 to 5 wide, the block needs 4"):
        Block(BlockConfig(), MINGRU.build(3, 5), 3, 4)
    with pytest.raises(UserError, match="cell_norm: 3 groups do not divide the cell's width of 4"):
        block_of(MINGRU, BlockConfig(cell_norm=3))
    with pytest.raises(UserError, match="3 heads do not divide a hidden size of 4"):
        StackConfig(CellConfig.from_dict({"name": "rglru", "heads": 3}), hidden_size=4).build(4)


# -- in a stack ------------------------------------------------------------------------------------------------------


def test_a_stack_of_blocks_ends_with_a_norm() -> None:
    stack, x = StackConfig(MINGRU, hidden_size=4, num_layers=2, block=BlockConfig()).build(3), torch.randn(2, 5, 3)
    first, second = stack.cells
    torch.testing.assert_close(stack(x)[0], stack.final_norm(second(first(x)[0])[0]))


def test_its_config_is_plain_data() -> None:
    config = StackConfig(RGLRU, block=BlockConfig(expansion=1.5, gate="gelu", conv_width=4))
    assert StackConfig.from_dict(config.to_dict()) == config
    assert StackConfig.from_dict({"cell": "rglru", "block": {"conv_width": 4}}).block == BlockConfig(conv_width=4)
    with pytest.raises(UserError, match=r"block\.width: unknown field"):
        StackConfig.from_dict({"block": {"width": 4}})


@pytest.mark.parametrize("option", ["residual", "layer_norm"])
def test_no_second_residual_or_norm(option: str) -> None:
    with pytest.raises(UserError, match="a block has a residual and norms of its own"):
        StackConfig.from_dict({"block": {}, option: True})


@pytest.mark.parametrize("locked", [False, True])
def test_dropout_falls_on_what_branches_add_never_on_the_residual(locked: bool) -> None:
    config = StackConfig(MINGRU, hidden_size=4, hidden_dropout=0.5, locked_dropout=locked, block=BlockConfig())
    block, x = config.build(4).cells[0], torch.randn(2, 50, 4)
    added = block(x)[0] - x
    mask = added / (block.eval()(x)[0] - x)
    kept = mask.round()
    torch.testing.assert_close(mask, kept, atol=1e-2, rtol=0)
    assert set(kept.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(kept, kept[:, :1].expand_as(kept)) == locked


def test_weight_dropout_falls_on_the_cell_inside() -> None:
    stack = StackConfig(LSTM, hidden_size=4, weight_dropout=0.5, block=BlockConfig()).build(4)
    x = torch.randn(2, 5, 4)
    assert not torch.equal(stack(x)[0], stack(x)[0])
    stack.eval()
    assert torch.equal(stack(x)[0], stack(x)[0])


def test_weight_dropout_with_nothing_to_fall_on_is_refused() -> None:
    for block in (None, BlockConfig()):
        with pytest.raises(UserError, match="weight_dropout: the cell 'mingru' has no recurrent weights to drop"):
            StackConfig(MINGRU, hidden_size=4, weight_dropout=0.5, block=block).build(4)


def test_both_directions() -> None:
    """Each row as if it were alone, whatever stands in its padding."""
    config = BidirectionalStackConfig(
        MINGRU, hidden_size=4, num_layers=2, block=BlockConfig(norm="layer", conv_width=3, mlp_expansion=2)
    )
    stack, lengths = config.build(3).double(), [5, 2, 4]
    torch.nn.init.normal_(stack.final_norm.bias)
    x = torch.randn(3, 5, 3, dtype=torch.float64)
    filled = torch.where(torch.arange(5)[None, :, None] < torch.tensor(lengths)[:, None, None], x, torch.nan)
    y, final = stack(filled, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        alone, alone_final = stack(x[row : row + 1, :length])
        torch.testing.assert_close(y[row, :length], alone[0], rtol=1e-12, atol=1e-12)
        assert not y[row, length:].any()
        for ours, theirs in zip(states.leaves(final), states.leaves(alone_final), strict=True):
            torch.testing.assert_close(ours[row], theirs[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("norm", ["rms", "layer"])
def test_autocast_is_no_reason_to_warn(norm: str) -> None:
    """Warnings are errors here. What comes out is float32's, to bf16's last digit."""
    config = BlockConfig(norm=norm, expansion=1.5, gate="silu", conv_width=4, mlp_expansion=2, cell_norm=2)
    block, x = block_of(MINGRU, config, input_size=6), torch.randn(2, 5, 6)
    with torch.autocast("cpu", torch.bfloat16):
        y, _ = block(x)
    torch.testing.assert_close(y.float(), block(x)[0], rtol=0.05, atol=0.05)
    y.float().sum().backward()
