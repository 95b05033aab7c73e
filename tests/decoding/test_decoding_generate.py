from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from rnnzoo.decoding import Position, SamplingConfig, generate, row_generators, stop_at
from rnnzoo.errors import UserError

V = 5
TABLE = torch.randn(V, V, generator=torch.Generator().manual_seed(0))  # logits of the next token after each token


class Seen(NamedTuple):
    count: Tensor  # (B,) tokens read
    total: Tensor  # (B,) their sum


def step(tokens: Tensor, state: Seen, memory: object) -> tuple[Tensor, Seen]:
    """A table of bigrams whose temperature depends on what was read."""
    state = Seen(state.count + 1, state.total + tokens)
    return TABLE[tokens] * (1 + state.total % 3).unsqueeze(-1), state


def start(*tokens: int) -> Position:
    zeros = torch.zeros(len(tokens), dtype=torch.int64)
    return Position(torch.tensor(tokens), Seen(zeros, zeros))


def run(position: Position, seed: int, **options) -> list[Position]:
    options = {"max_new_tokens": 12, "sampling": SamplingConfig(), **options}
    return list(generate(step, position, generators=row_generators(seed, len(position.tokens)), **options))


def tokens(positions: list[Position]) -> list[list[int]]:
    return torch.stack([p.tokens for p in positions], dim=1).tolist()


def test_greedy_follows_the_largest_logit():
    state, token, expected = start(0).state, torch.tensor([0]), []
    for _ in range(12):
        logits, state = step(token, state, ())
        token = logits.argmax(-1)
        expected.append(token.item())
    assert tokens(run(start(0), 0, sampling=SamplingConfig(0.0))) == [expected]


def test_the_same_seed_gives_the_same_tokens_and_another_seed_others():
    first, again, other = (tokens(run(start(0), seed, max_new_tokens=40)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_rows_are_what_they_are_alone():
    together = tokens(run(start(0, 1, 2), 10))
    assert together == [tokens(run(start(i), 10 + i))[0] for i in range(3)]


def test_a_position_is_the_last_token_and_the_state_before_it():
    positions = run(start(3), 0)
    assert [p.state.count.item() for p in positions] == list(range(1, 13))
    assert positions[-1].state.total.item() == 3 + sum(tokens(positions)[0][:-1])


def test_it_goes_on_from_any_position():
    generators = row_generators(4, 2)
    options = {"sampling": SamplingConfig(), "generators": generators}
    first = list(generate(step, start(0, 1), max_new_tokens=5, **options))
    rest = list(generate(step, first[-1], max_new_tokens=7, **options))
    assert tokens(first + rest) == tokens(run(start(0, 1), 4))


def test_a_finished_row_stands_still_and_the_others_do_not_notice():
    whole = tokens(run(start(0, 1, 2), 10))
    stop = {whole[0][3], whole[1][5]}
    generators = row_generators(10, 3)
    options = {"max_new_tokens": 12, "sampling": SamplingConfig(), "generators": generators}
    positions = list(generate(step, start(0, 1, 2), finished=stop_at(stop), **options))
    for row in range(3):
        ends = [i for i, token in enumerate(whole[row]) if token in stop]
        end = ends[0] + 1 if ends else 12
        assert tokens(positions)[row][:end] == whole[row][:end]
        assert positions[-1].state.count[row].item() == end
        assert set(tokens(positions)[row][end:]) <= {whole[row][end - 1]}
        alone = row_generators(10 + row, 1)
        for _ in range(end):
            torch.rand((), generator=alone[0], dtype=torch.float64)
        assert torch.equal(generators[row].get_state(), alone[0].get_state())


def test_it_ends_when_all_rows_have_finished():
    assert len(run(start(0, 1), 0, finished=lambda tokens: [True, True])) == 1


def test_the_state_is_not_changed_in_place():
    position = start(0, 1)
    run(position, 0)
    assert position.state.count.tolist() == [0, 0]


def test_memory_is_handed_to_the_step():
    def remember(tokens: Tensor, state: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        return memory, state

    position = Position(torch.tensor([0, 0]), torch.zeros(2, 1))
    options = {"max_new_tokens": 1, "sampling": SamplingConfig(0.0), "generators": row_generators(0, 2)}
    memory = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert tokens(list(generate(remember, position, memory, **options))) == [[1], [0]]


def test_no_gradient_is_recorded_and_the_callers_mode_is_left_alone():
    weight = torch.ones(V, requires_grad=True)

    def learn(tokens: Tensor, state: Tensor, memory: object) -> tuple[Tensor, Tensor]:
        return TABLE[tokens] * weight, state + weight.sum()

    position = Position(torch.tensor([0]), torch.zeros(1))
    for new in generate(learn, position, max_new_tokens=2, sampling=SamplingConfig(), generators=row_generators(0, 1)):
        assert not new.state.requires_grad
        assert torch.is_grad_enabled()


def test_none_and_fewer_than_none():
    assert run(start(0), 0, max_new_tokens=0) == []
    with pytest.raises(UserError, match="max_new_tokens"):
        run(start(0), 0, max_new_tokens=-1)
