"""Trees of tensors."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import safetensors.torch
import torch

from rnnzoo import state as states
from rnnzoo.backbones import StackConfig
from rnnzoo.cells import CellConfig, builtin_cells
from rnnzoo.shapes import Tensor


class Pair(NamedTuple):
    h: Tensor
    c: Tensor


def tree() -> dict[str, Any]:
    """Every kind of node; floats, integers and booleans; one, two and three axes."""
    return {
        "layers": (Pair(torch.arange(6.0).view(3, 2), -torch.arange(6.0).view(3, 2)), torch.arange(3.0)),
        "count": torch.tensor([5, 6, 7]),
        "done": torch.tensor([True, False, True]),
        "past": (torch.arange(24.0).view(3, 2, 4),),
    }


NAMES = ["layers.0.h", "layers.0.c", "layers.1", "count", "done", "past.0"]


def same(a: Any, b: Any) -> bool:
    left, right = states.flatten(a), states.flatten(b)
    return list(left) == list(right) and all(torch.equal(left[name], right[name]) for name in left)


def test_flatten_names_and_unflatten_is_its_inverse() -> None:
    state = tree()
    named = states.flatten(state)
    assert list(named) == NAMES
    back = states.unflatten(state, dict(reversed(named.items())))
    assert same(back, state)
    assert isinstance(back["layers"], tuple)
    assert isinstance(back["layers"][0], Pair)
    assert all(a is b for a, b in zip(states.leaves(back), states.leaves(state), strict=True))


def test_a_single_tensor_is_a_state_without_a_name() -> None:
    x = torch.ones(2)
    assert list(states.flatten(x)) == [""]
    assert states.unflatten(x, {"": x}) is x
    assert states.leaves(x) == [x]
    assert states.flatten(()) == {}
    assert states.unflatten((), {}) == ()


def test_unflatten_refuses_other_names() -> None:
    named = states.flatten(tree())
    del named["count"]
    with pytest.raises(ValueError, match=r"expected the leaves \['count', .*, not \['done'"):
        states.unflatten(tree(), named)
    with pytest.raises(ValueError, match="extra"):
        states.unflatten(tree(), states.flatten(tree()) | {"extra": torch.ones(3)})


def test_map_takes_several_trees_and_keeps_the_kinds() -> None:
    state = tree()
    total = states.map(lambda a, b: a.double() + b.double(), state, state)
    assert torch.equal(total["layers"][0].h, 2 * state["layers"][0].h)
    assert type(total["layers"][0]) is Pair
    assert list(total) == list(state)


def test_map_refuses_trees_of_another_form() -> None:
    with pytest.raises(ValueError, match="zip"):
        states.map(torch.add, (torch.ones(1),), (torch.ones(1), torch.ones(1)))
    with pytest.raises(KeyError):
        states.map(torch.add, {"a": torch.ones(1)}, {"b": torch.ones(1)})


@pytest.mark.parametrize("wrong", [None, 3, [torch.ones(2)], "h", {"a": (None,)}])
def test_other_nodes_are_refused(wrong: Any) -> None:
    for function in (states.flatten, states.leaves, states.detach, lambda s: states.check(s, 2)):
        with pytest.raises(TypeError, match="a state is made of tensors, tuples and dicts, not"):
            function(wrong)


def test_detach_cuts_the_graph_and_keeps_the_values() -> None:
    h = torch.ones(2, 3, requires_grad=True) * 2
    free = states.detach(Pair(h, h))
    assert free.h.grad_fn is None
    assert not free.h.requires_grad
    assert h.grad_fn is not None
    assert torch.equal(free.h, h)


def test_select_takes_whole_rows() -> None:
    yes = tree()
    no = states.map(lambda leaf: ~leaf if leaf.dtype == torch.bool else leaf + 100, yes)
    chosen = states.select(torch.tensor([True, False, True]), yes, no)
    for got, a, b in zip(states.leaves(chosen), states.leaves(yes), states.leaves(no), strict=True):
        assert torch.equal(got, torch.stack((a[0], b[1], a[2])))


def test_select_lets_no_nan_through_and_no_gradient() -> None:
    good, bad = torch.ones(2, 3, requires_grad=True), torch.full((2, 3), torch.nan, requires_grad=True)
    chosen = states.select(torch.tensor([True, True]), good, bad)
    chosen.sum().backward()
    assert torch.equal(chosen, good)
    assert good.grad is not None
    assert good.grad.eq(1).all()
    assert bad.grad is None or not bad.grad.any()


def test_gather_reorders_repeats_and_drops() -> None:
    state = tree()
    got = states.gather(state, torch.tensor([2, 2, 0, 1]))
    for leaf, before in zip(states.leaves(got), states.leaves(state), strict=True):
        assert torch.equal(leaf, before[[2, 2, 0, 1]])
    empty = states.gather(state, torch.tensor([], dtype=torch.long))
    assert [leaf.size(0) for leaf in states.leaves(empty)] == [0] * 6


def test_repeat_keeps_the_copies_of_a_row_together() -> None:
    got = states.repeat(tree(), 2)
    assert got["count"].tolist() == [5, 5, 6, 6, 7, 7]
    assert got["past"][0].shape == (6, 2, 4)
    assert same(states.repeat(tree(), 1), tree())


def test_to_casts_floats_only_and_moves_everything() -> None:
    got = states.to(tree(), dtype=torch.float64)
    assert [leaf.dtype for leaf in states.leaves(got)] == [torch.float64] * 3 + [torch.long, torch.bool, torch.float64]
    assert {leaf.device.type for leaf in states.leaves(states.to(tree(), device="meta"))} == {"meta"}
    assert same(states.to(tree()), tree())


def test_nothing_is_changed_in_place() -> None:
    state = tree()
    states.select(torch.tensor([True, False, True]), state, states.map(torch.zeros_like, state))
    states.gather(state, torch.tensor([0, 0, 0]))
    states.repeat(state, 3)
    states.to(state, dtype=torch.float16)
    assert same(state, tree())
    assert all(leaf._version == 0 for leaf in states.leaves(state))


def test_check_names_the_leaf_with_another_number_of_rows() -> None:
    states.check(tree(), 3)
    states.check((), 3)
    with pytest.raises(ValueError, match=r"state layers\.0\.h is \(3, 2\): expected 2 rows"):
        states.check(tree(), 2)
    with pytest.raises(ValueError, match=r"state tensor is \(\): expected 1 rows"):
        states.check(torch.tensor(1.0), 1)
    with pytest.raises(ValueError, match=r"state tensor is \(1, 4\): expected 3 rows"):  # it would be stretched
        states.check(torch.ones(1, 4), 3)


@pytest.mark.parametrize("name", builtin_cells())
def test_a_state_goes_into_a_file_and_back(name: str) -> None:
    """Also the first one, whose tensors are alike but must not be one: safetensors refuses shared memory."""
    stack = StackConfig(CellConfig.from_dict(name), hidden_size=4, num_layers=2).build(3)
    for state in (stack.initial_state(2), states.detach(stack(torch.randn(2, 5, 3))[1])):
        data = safetensors.torch.save({n: leaf.contiguous() for n, leaf in states.flatten(state).items()})
        assert same(states.unflatten(state, safetensors.torch.load(data)), state)
