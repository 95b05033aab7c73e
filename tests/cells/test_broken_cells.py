"""Each law catches the cell that was made to break it; so no law is an empty one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn

from rnnzoo import state as states
from rnnzoo.backbones import BidirectionalStackConfig
from rnnzoo.cells import Cell, unroll
from rnnzoo.shapes import Tensor
from rnnzoo.state import State
from rnnzoo.testing import LAWS, LawError, check_cell, check_law, make_case


class MemoryState(NamedTuple):
    h: Tensor


class Plain(Cell):
    """An honest cell; each of the others changes one thing."""

    recurrent_weights = ("u",)

    def __init__(self) -> None:
        super().__init__()
        self.input_size, self.output_size = 3, 5
        self.w = nn.Parameter(torch.randn(3, 5))
        self.u = nn.Parameter(torch.randn(5, 5) / 3)

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> State:
        return MemoryState(self.zeros(batch_size, 5, device, dtype))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h = torch.tanh(x @ self.w + state.h @ self.u)
        return h, MemoryState(h)


class LeaksAcrossRows(Plain):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return super().step(x - x.mean(0), state)


class LeaksInGradient(Plain):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return super().step(x + (x.sum(0) - x.sum(0).detach()), state)


class SeesTheFuture(Plain):
    def forward(self, x: Tensor, state: State | None = None, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        return super().forward(x + x.mean(1, keepdim=True), state, lengths)


class MutatesItsState(Plain):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, new = super().step(x, state)
        with torch.no_grad():
            state.h.copy_(new.h)
        return y, new


class IgnoresLengths(Plain):
    def forward(self, x: Tensor, state: State | None = None, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        return super().forward(x, state)


class LeavesOutputsPastTheEnd(Plain):
    def forward(self, x: Tensor, state: State | None = None, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        y, final = super().forward(x, state, lengths)
        if lengths is not None:
            past = torch.arange(x.size(1)) >= lengths[:, None]
            y = torch.where(past[:, :, None], 1e-30, y)
        return y, final


class MultipliesPaddingByZero(Plain):
    """The usual mask, through which a NaN passes."""

    def forward(self, x: Tensor, state: State | None = None, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        state = self.begin(x, state)
        if lengths is None:
            return unroll(self, x, state, None)
        outputs = []
        for t in range(x.size(1)):
            y, new = self.step(x[:, t], state)
            valid = (t < lengths)[:, None].to(x)
            state = states.map(lambda a, b, valid=valid: valid * a + (1 - valid) * b, new, state)
            outputs.append(y * valid)
        return (torch.stack(outputs, 1) if outputs else x.new_zeros(x.size(0), 0, 5)), state


class ForgetsBetweenChunks(Plain):
    def forward(self, x: Tensor, state: State | None = None, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        y, final = super().forward(x, state, lengths)
        return y, states.map(lambda leaf: leaf * 0.999, final) if x.size(1) else final


class DetachesBetweenSteps(Plain):
    """Right values, wrong gradients."""

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, new = super().step(x, state)
        return y, states.detach(new)


class WrongAdjoint(Plain):
    class Tanh(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            y = x.tanh()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
            return gradient * (1 - ctx.saved_tensors[0])

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h: Any = self.Tanh.apply(x @ self.w + state.h @ self.u)
        return h, MemoryState(h)


class HalfPrecisionInside(Plain):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, new = super().step(x.bfloat16().to(x), state)
        return y, new


class StretchesASingleRow(Plain):
    def begin(self, x: Tensor, state: State | None) -> State:
        return self.initial_state(x.size(0)) if state is None else state


class RemembersNothing(Plain):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h = torch.tanh(x @ self.w + 0 * state.h)
        return h, MemoryState(h)


class CountsItsCalls(Plain):
    calls = 0

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        self.calls += 1
        y, new = super().step(x, state)
        return y + self.calls, new


class DropsAtEvaluation(Plain):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return super().step(nn.functional.dropout(x, 0.5), state)


class LosesAWeightInItsCopies(Plain):
    """A weight that is no parameter: it is in no state_dict."""

    def __init__(self) -> None:
        super().__init__()
        self.extra = torch.ones(1)

    def _apply(self, fn: Any, recurse: bool = True) -> nn.Module:
        self.extra = fn(self.extra)
        return super()._apply(fn, recurse)

    def __deepcopy__(self, memo: dict[int, Any]) -> nn.Module:
        copy = type(self)()
        copy.load_state_dict(self.state_dict())
        copy = copy.to(self.w)
        copy.extra = copy.extra + 1
        return copy

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return super().step(x * self.extra, state)


class ChangesForm(Plain):
    def forward(self, x: Tensor, state: State | None = None, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        y, final = super().forward(x, state, lengths)
        return y, MemoryState(final.h[:, :, None])


class GivesAList(Plain):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, new = super().step(x, MemoryState(state[0]))
        return y, tuple(new)


class IgnoresTheDtype(Plain):
    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> State:
        return super().initial_state(batch_size)


class BeginsEachRowOtherwise(Plain):
    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> State:
        zeros = super().initial_state(batch_size, device=device, dtype=dtype).h
        return MemoryState(zeros + torch.arange(batch_size, device=zeros.device, dtype=zeros.dtype)[:, None])


class BeginsElsewhereUnasked(Plain):
    def begin(self, x: Tensor, state: State | None) -> State:
        return states.map(lambda leaf: leaf + 1, super().begin(x, state)) if state is None else super().begin(x, state)


class WrongSize(Plain):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, new = super().step(x, state)
        return y[:, :4], new


class FailsOnNothing(Plain):
    def forward(self, x: Tensor, state: State | None = None, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        if x.size(1) == 0:
            raise RuntimeError("nothing to do")
        return super().forward(x, state, lengths)


class NeedsContiguous(Plain):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return super().step(x, MemoryState(torch.as_strided(state.h, state.h.shape, (5, 1))))


class MasksTheLastStep(Plain):
    """An off-by-one in the mask."""

    def forward(self, x: Tensor, state: State | None = None, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        return super().forward(x, state, None if lengths is None else (lengths - 1).clamp(min=0))


class ResetsEmptyRows(Plain):
    def forward(self, x: Tensor, state: State | None = None, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        y, final = super().forward(x, state, lengths)
        if lengths is None:
            return y, final
        return y, states.select(lengths > 0, final, self.initial_state(x.size(0)))


class ReordersWithTheBatch(Plain):
    """Treats rows by their place in the batch."""

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return super().step(x * (1 + torch.arange(x.size(0)).to(x))[:, None], state)


CAUGHT: dict[Callable[[], Cell], set[str]] = {
    LeaksAcrossRows: {"rows_do_not_mix", "gather_commutes", "batched_equals_single"},
    LeaksInGradient: {"rows_do_not_mix", "batched_equals_single", "derivatives_are_right"},
    SeesTheFuture: {"the_future_is_unseen", "step_equals_sequence", "chunked_equals_whole"},
    MutatesItsState: {"nothing_is_mutated", "runs_are_repeatable"},
    IgnoresLengths: {"outputs_past_the_end_are_zero", "padding_has_no_influence", "empty_rows_keep_their_state"},
    LeavesOutputsPastTheEnd: {"outputs_past_the_end_are_zero"},
    MultipliesPaddingByZero: {"padding_has_no_influence", "outputs_past_the_end_are_zero", "batched_equals_single"},
    ForgetsBetweenChunks: {"chunked_equals_whole", "step_equals_sequence", "empty_rows_keep_their_state"},
    DetachesBetweenSteps: {"derivatives_are_right"},
    WrongAdjoint: {"derivatives_are_right"},
    HalfPrecisionInside: {"derivatives_are_right"},
    StretchesASingleRow: {"a_wrong_number_of_rows_is_refused"},
    RemembersNothing: {"the_past_matters"},
    CountsItsCalls: {"runs_are_repeatable"},
    DropsAtEvaluation: {"runs_are_repeatable", "step_equals_sequence"},
    LosesAWeightInItsCopies: {"copies_behave_alike"},
    ChangesForm: {"state_keeps_its_form"},
    GivesAList: {"state_keeps_its_form"},
    IgnoresTheDtype: {"initial_state_is_what_was_asked"},
    BeginsEachRowOtherwise: {"initial_state_is_what_was_asked"},
    BeginsElsewhereUnasked: {"initial_state_is_what_was_asked"},
    WrongSize: {"shapes_are_as_promised"},
    FailsOnNothing: {"short_sequences_work"},
    NeedsContiguous: {"memory_layout_does_not_matter"},
    MasksTheLastStep: {"full_lengths_change_nothing", "batched_equals_single"},
    ResetsEmptyRows: {"empty_rows_keep_their_state"},
    ReordersWithTheBatch: {"gather_commutes"},
}


def broken_laws(cell: Cell) -> set[str]:
    names = set()
    case = make_case(cell, torch.float64)
    for law in LAWS:
        try:
            check_law(law, case)
        except LawError:
            names.add(law.__name__)
    return names


def test_an_honest_cell_passes() -> None:
    check_cell(Plain())


@pytest.mark.parametrize("kind", CAUGHT, ids=lambda kind: kind.__name__)
def test_is_caught(kind: Callable[[], Cell]) -> None:
    assert CAUGHT[kind] <= broken_laws(kind())


def test_every_law_catches_something() -> None:
    assert set[str]().union(*CAUGHT.values()) == {law.__name__ for law in LAWS}


def test_the_message_names_law_cell_and_difference() -> None:
    with pytest.raises(LawError) as caught:
        check_cell(WrongAdjoint())
    start = "derivatives_are_right: WrongAdjoint, float64: gradcheck of inputs, state h, w, u: "
    assert str(caught.value).startswith(start)
    with pytest.raises(LawError) as caught:
        check_cell(MasksTheLastStep(), dtypes=[torch.float32])
    assert re.search(
        r"^full_lengths_change_nothing: MasksTheLastStep, float32: outputs: 0 instead of -?\d\S* at \[\d, 5, \d\], "
        r"a difference of \S+ \(2e-05 allowed\) with all lengths T$",
        str(caught.value),
        re.MULTILINE,
    )


def test_several_broken_laws_are_all_reported() -> None:
    with pytest.raises(LawError) as caught:
        check_cell(IgnoresLengths(), dtypes=[torch.float64], name="mine")
    lines = str(caught.value).splitlines()
    assert len(lines) >= 3
    assert all(re.match(r"\w+: mine, float64: ", line) for line in lines)


def test_an_error_inside_the_cell_is_reported_as_such() -> None:
    with pytest.raises(LawError, match=r"short_sequences_work: FailsOnNothing, float64: RuntimeError: nothing to do"):
        check_cell(FailsOnNothing(), dtypes=[torch.float64])


def test_the_cell_itself_is_not_touched() -> None:
    cell = Plain()
    before = {name: tensor.clone() for name, tensor in cell.state_dict().items()}
    random = torch.get_rng_state()
    check_cell(cell)
    assert all(torch.equal(tensor, before[name]) for name, tensor in cell.state_dict().items())
    assert cell.training
    assert torch.equal(torch.get_rng_state(), random)


class Foreign(nn.Module):
    """A third party's cell: the protocol, but not our base class."""

    def __init__(self) -> None:
        super().__init__()
        self.input_size, self.output_size = 2, 4
        self.inner = Plain()

    def initial_state(self, batch_size: int, *, device: Any = None, dtype: Any = None) -> dict[str, Tensor]:
        return {"memory": self.inner.initial_state(batch_size, device=device, dtype=dtype).h}

    def step(self, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        y, new = self.inner.step(nn.functional.pad(x, (0, 1)), MemoryState(state["memory"]))
        return y[:, :4], {"memory": new.h}

    def forward(self, x: Tensor, state: Any = None, lengths: Any = None) -> tuple[Tensor, dict[str, Tensor]]:
        inner = None if state is None else MemoryState(state["memory"])
        y, new = self.inner(nn.functional.pad(x, (0, 1)), inner, lengths)
        return y[:, :, :4], {"memory": new.h}


def test_the_protocol_is_enough() -> None:
    check_cell(Foreign())


class CountingState(NamedTuple):
    h: Tensor
    count: Tensor
    begun: Tensor


class Counting(Plain):
    """A state with an integer and a boolean."""

    def initial_state(
        self, batch_size: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> State:
        h = self.zeros(batch_size, 5, device, dtype)
        count = torch.zeros(batch_size, dtype=torch.long, device=h.device)
        return CountingState(h, count, count > 0)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, new = super().step(x * torch.where(state.begun, 1, 2)[:, None], state)
        return y, CountingState(new.h, state.count + 1, torch.ones_like(state.begun))


def test_states_need_not_be_floats_only() -> None:
    check_cell(Counting())


@pytest.mark.parametrize(
    ("thing", "lacks"),
    [(nn.LSTM(3, 5), "no output_size, initial_state, step"), (BidirectionalStackConfig(hidden_size=4), "no step")],
)
def test_what_is_no_cell_is_refused(thing: Any, lacks: str) -> None:
    with pytest.raises(TypeError, match=lacks):
        check_cell(thing)
