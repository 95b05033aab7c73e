"""Random encoder-decoders of a few numbers, and what a search over them must find, found by other means."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnzoo.decoding import Hypothesis, SearchConfig

EOS = 0


class Carried(NamedTuple):
    h: dict[str, Tensor]  # (B, D)
    who: Tensor  # (B,) which sentence this row belongs to


class Model(NamedTuple):
    """A step, and `num` sentences to begin it with."""

    step: Callable[[Tensor, Carried, Any], tuple[Tensor, Carried]]
    start: Tensor
    state: Carried
    memory: tuple[Tensor, dict[str, Tensor]]  # keys (B, S, D); their mask (B, S) and whose they are (B,)
    vocab_size: int
    calls: list[int]  # rows of each call

    def only(self, *rows: int) -> Model:
        """The same network, with some of its sentences."""
        keys, rest = self.memory
        index = torch.tensor(rows)
        state = Carried({"h": self.state.h["h"][index]}, self.state.who[index])
        return self._replace(
            start=self.start[index], state=state, memory=(keys[index], {name: x[index] for name, x in rest.items()})
        )


def random_model(seed: int, vocab_size: int, num: int = 1, dtype: torch.dtype = torch.float64, dim: int = 4) -> Model:
    """A recurrent network that looks at a memory of random length; what is past that length is garbage."""
    generator = torch.Generator().manual_seed(seed)
    # the same sentences, whatever the type: drawn in float64
    shapes = [(vocab_size, dim), (dim, dim), (dim, vocab_size), (num, dim), (num, 3, dim)]
    table, recurrent, output, h, keys = (
        torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes
    )
    mask = torch.arange(3) < torch.randint(1, 4, (num, 1), generator=generator)
    keys[~mask] = 1e6
    calls: list[int] = []

    def step(tokens: Tensor, state: Carried, memory: Any) -> tuple[Tensor, Carried]:
        keys, rest = memory
        assert torch.equal(state.who, rest["who"])  # state, memory and tokens belong together
        assert len(tokens) == len(state.who)
        calls.append(len(tokens))
        scores = (keys @ state.h["h"].unsqueeze(2)).squeeze(2).masked_fill(~rest["mask"], -torch.inf)
        read = (scores.softmax(1).unsqueeze(1) @ keys.masked_fill(~rest["mask"].unsqueeze(2), 0)).squeeze(1)
        h = torch.tanh(table[tokens] + state.h["h"] @ recurrent + read)
        return 1.5 * h @ output, Carried({"h": h}, state.who)

    who = torch.arange(num)
    start = torch.randint(vocab_size, (num,), generator=generator)
    return Model(step, start, Carried({"h": h}, who), (keys, {"mask": mask, "who": who}), vocab_size, calls)


def log_probs(model: Model, symbols: list[tuple[int, ...]]) -> Tensor:
    """(R,) log-probabilities of as many sequences of symbols, all as long, after the model's only sentence."""
    rows = torch.zeros(len(symbols), dtype=torch.int64)
    tokens, state, memory = (lambda m: (m.start, m.state, m.memory))(model.only(*rows.tolist()))
    total = torch.zeros(len(symbols), dtype=model.memory[0].dtype)
    for t in range(len(symbols[0])):
        logits, state = model.step(tokens, state, memory)
        tokens = torch.tensor([some[t] for some in symbols])
        total = total + logits.log_softmax(1)[torch.arange(len(symbols)), tokens]
    return total


def every_hypothesis(model: Model, limit: int, eos: int | None = EOS) -> list[tuple[tuple[int, ...], float, bool]]:
    """Tokens, log-probability and whether it ended, of all that the model's only sentence can become."""
    ends = -1 if eos is None else eos
    found = set()
    for symbols in itertools.product(range(model.vocab_size), repeat=limit):
        found.add(symbols[: symbols.index(ends) + 1] if ends in symbols else symbols)
    result = []
    for length in range(1, limit + 1):
        if some := sorted(symbols for symbols in found if len(symbols) == length):
            for symbols, value in zip(some, log_probs(model, some).tolist(), strict=True):
                ended = symbols[-1] == ends
                result.append((symbols[:-1] if ended else symbols, value, ended))
    return result


def ranked(
    all_of_them: list[tuple[tuple[int, ...], float, bool]],
    config: SearchConfig,
    allowed: Callable[[tuple[int, ...], bool], bool] = lambda tokens, ended: True,
) -> list[Hypothesis]:
    """The n best, by the formulas of the papers."""
    result = []
    for tokens, value, ended in all_of_them:
        length = len(tokens) + ended
        penalty = {
            "none": 1.0,
            "average": float(length) ** config.alpha,
            "wu": (5 + length) ** config.alpha / (5 + 1) ** config.alpha,
        }[config.length_penalty]
        if allowed(tokens, ended):
            result.append(Hypothesis(tokens, value / penalty, value, ended))
    ended_first = sorted(result, key=lambda h: h.score, reverse=True)
    return sorted(ended_first, key=lambda h: h.finished, reverse=True)[: config.nbest]


def same(got: list[Hypothesis], expected: list[Hypothesis], tolerance: float = 1e-12) -> None:
    """Asserts that both say the same, to `tolerance` nats."""
    assert [(h.tokens, h.finished) for h in got] == [(h.tokens, h.finished) for h in expected]
    for a, b in zip(got, expected, strict=True):
        assert abs(a.score - b.score) <= tolerance * max(1, abs(b.score))
        assert abs(a.log_prob - b.log_prob) <= tolerance * max(1, abs(b.log_prob))
