"""A language model that was exported: text, surprisal and probabilities from its graphs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Unpack

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from .graph import Array, Named, gather, prefixed
from .model import Model
from .pool import Pool
from .sampling import SAMPLING_FIELDS, SamplingConfig, SamplingFields, check_numbers, sampling_of
from .search import best_texts
from .session import Session

__all__ = ["LanguageModel", "Score"]

_CHUNK = 1024
_SAMPLING = {"temperature": np.float32, "top_k": np.int64, "top_p": np.float64, "min_p": np.float64}
_MAX_LOGITS = 1 << 22
_STRETCH = 32
"""Tokens a row that one call writes, at most: a reader of a stream waits for so many."""


@dataclass(frozen=True, eq=False)
class Score:
    """The surprisal of a text's tokens: -ln p(token | all tokens before it).

    Attributes:
        ids: (T,) the text's tokens. nats: (T,) float64, the surprisal of each. tokens: each in readable form.
    """

    ids: NDArray[Any]
    nats: NDArray[np.float64]
    tokens: list[str]

    @property
    def bits(self) -> NDArray[np.float64]:
        """(T,) the surprisal of each token in bits."""
        return self.nats / math.log(2)

    @property
    def nll(self) -> float:
        """Nats a token."""
        return math.fsum(self.nats) / len(self.nats)

    @property
    def perplexity(self) -> float:
        """e to the power of `nll`; infinite where that is beyond float64."""
        return math.exp(self.nll) if self.nll < 709 else math.inf


class LanguageModel(Model, kind="language_model"):
    """A language model; `Model.open` makes it.

    Attributes:
        tokenizer: text to token ids and back. start: the token that stands before a text when nothing else does.
        unwritten: tokens that are never written, such as ``<unk>``.
        first_state: what is carried before it, one row.
    """

    def _prepare(self) -> None:
        self.tokenizer = self._tokenizer("tokenizer.json")
        self.start = int(self.meta["start"])
        self.unwritten = np.array(self.meta["unwritten"], np.int64)
        self.first_state: Named = {
            one["name"]: np.broadcast_to(np.array(one["initial"], one["dtype"]), (1, *one["shape"][1:])).copy()
            for one in self.meta["state"]
        }

    # ------------------------------------------------------------------------------------------ for people

    def generate(
        self,
        prompt: str = "",
        *,
        max_new_tokens: int = 500,
        sampling: SamplingConfig | None = None,
        seed: int | None = None,
        num: int = 1,
        stop: str | Sequence[str] | None = None,
        unknown: Literal["error", "drop"] = "error",
        beam: int | None = None,
        **fields: Unpack[SamplingFields],
    ) -> list[str]:
        """Texts that continue `prompt`, without the prompt: for a seed, those that PyTorch would write.

        Args:
            prompt: what is read first; nothing is the model's own beginning (see `Session`).
            max_new_tokens: at most so many tokens each.
            sampling: what is done to the distribution before a token is drawn; nothing, if left out.
            seed: text i is drawn with seed + i; None takes one at random.
            num: how many texts. stop: a text ends before the first of these strings.
            unknown: ``"drop"`` leaves out characters of the prompt that the vocabulary does not have.
            beam: instead of drawing, searches with so many hypotheses for the `num` most probable texts, the best
                first; `stop` must then be one token.
            **fields: those of `SamplingConfig`, each by its name: ``temperature=0.8``, ``top_p=0.95``.

        Raises:
            UserError: a value is out of range, the prompt has unknown characters, or `beam` stands beside what only
                drawing uses.
        """
        sampling = sampling_of(sampling, fields)
        if beam is not None:
            if sampling != SamplingConfig() or seed is not None:
                raise UserError(
                    f"a beam search draws nothing: {', '.join(SAMPLING_FIELDS)} and seed do not go with beam"
                )
            return best_texts(self.session().feed(prompt, unknown=unknown), max_new_tokens, beam, num, stop)
        session = self.session(num, seed=seed).feed(prompt, unknown=unknown)
        texts = session.generate(max_new_tokens, sampling, stop=stop)
        return [text + rest for text, rest in zip(texts, session.flush(), strict=True)]

    def stream(
        self,
        prompt: str = "",
        *,
        max_new_tokens: int = 500,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
        unknown: Literal["error", "drop"] = "error",
        **options: Any,
    ) -> Iterator[str]:
        """One text that continues `prompt`, piece by piece; the arguments are those of `generate`.

        Everything is checked, and the prompt is read, before the first piece is asked for.
        """
        session = self.session(seed=seed)
        pieces = session.stream(max_new_tokens, stop=stop, **options)
        session.feed(prompt, unknown=unknown)
        return _to_the_end(session, pieces)

    def session(self, num: int = 1, *, seed: int | None = None) -> Session:
        """A conversation whose state can be fed, continued, forked and saved."""
        return Session(self, num=num, seed=seed)

    def pool(self, capacity: int = 0) -> Pool:
        """Sessions by the thousand, stepped as one batch; room for so many from the beginning."""
        return Pool(self, capacity)

    def restore(self, data: bytes) -> Session:
        """The session whose `Session.save` gave `data`; it continues as the saved one would have.

        Raises:
            UserError: the bytes are damaged, or were saved with another model.
        """
        return Session.restore(self, data)

    def next_tokens(
        self, prompt: str = "", k: int = 10, *, unknown: Literal["error", "drop"] = "error"
    ) -> list[tuple[str, float]]:
        """The `k` most probable tokens after `prompt`, the most probable first, each with its probability.

        Raises:
            UserError: `k` is less than 1, or the prompt has unknown characters.
        """
        if k < 1:
            raise UserError(f"the number of next tokens must be 1 or more, not {k}")
        found = self.session().feed(prompt, unknown=unknown).probabilities()[0]
        best = np.argsort(-found, kind="stable")[:k].tolist()
        texts = self.tokenizer.token_texts()
        return [(texts[token], float(found[token])) for token in best]

    def score(self, text: str, *, unknown: Literal["error", "drop"] = "error") -> Score:
        """The surprisal of every token of `text`; the first is predicted from the model's own beginning.

        Raises:
            UserError: there is nothing to score, or there are unknown characters.
        """
        ids = self.tokenizer.encode(text, unknown=unknown)
        if len(ids) == 0:
            raise UserError("there is no text to score")
        texts = self.tokenizer.token_texts()
        (nats,) = self.surprisals([[self.start, *ids.tolist()]])
        return Score(ids, nats, [texts[token] for token in ids.tolist()])

    # ------------------------------------------------------------------------------------------ for sessions

    def stretch(self, rows: int) -> int:
        """How many tokens one call writes of each of so many rows."""
        return _STRETCH if rows <= 256 else max(1, _STRETCH * 256 // rows)

    def step(self, tokens: Array, state: Named) -> tuple[Array, dict[str, Array]]:
        """One token further: logits (B, V) and the new state."""
        found = self.graphs.run("step", {"tokens": tokens.astype(np.int64), **dict(prefixed("state", state))})
        return found.pop("logits"), _unprefixed(found)

    def write(
        self,
        tokens: Array,
        state: Named,
        length: int,
        samplings: SamplingConfig | Sequence[SamplingConfig],
        draws: Array,
    ) -> tuple[NDArray[np.int64], dict[str, Array]]:
        """`length` tokens of each row in one call.

        Args:
            tokens: (R,) the last ones, not read yet. state: before them. samplings: of all rows, or of each.
            draws: (T, R) the numbers in [0, 1) that they are drawn by.

        Returns:
            (T, R) tokens, and the state before the last of them.

        Raises:
            UserError: the state is no longer numbers.
        """
        found = self.graphs.run(
            "write",
            {
                "tokens": tokens.astype(np.int64),
                "draws": np.ascontiguousarray(draws[:length]),
                **_by_row(samplings, len(tokens)),
                **dict(prefixed("state", state)),
            },
        )
        written: NDArray[np.int64] = found.pop("written")
        check_numbers(found.pop("largest"))
        return written, _unprefixed(found)

    def read(self, state: Named, rows: Sequence[Sequence[int]]) -> Named:
        """The state after these tokens (any number in each row), which follow it."""
        most = max(map(len, rows))
        for start in range(0, most, _CHUNK):
            parts = [row[start : start + _CHUNK] for row in rows]
            _, state = self._read_part(state, parts, parts, scored=False)
        return state

    def surprisals(self, rows: Sequence[Sequence[int]]) -> list[NDArray[np.float64]]:
        """-ln p of each token but the first of each row, from the first state on."""
        return self.scored(gather(self.first_state, np.zeros(len(rows), np.int64)), rows)[0]

    def scored(self, state: Named, rows: Sequence[Sequence[int]]) -> tuple[list[NDArray[np.float64]], Named]:
        """-ln p of each token but the first of each row, all after `state`, and the state before the last of each."""
        chunk = max(1, min(_CHUNK, _MAX_LOGITS // (len(rows) * self.vocab_size)))
        most, parts = max(map(len, rows)) - 1, [np.zeros((0, len(rows)))]
        for start in range(0, most, chunk):
            tokens = [row[start : min(start + chunk, len(row) - 1)] for row in rows]
            targets = [row[start + 1 : start + 1 + chunk] for row in rows]
            nats, state = self._read_part(state, tokens, targets, scored=True)
            parts.append(nats)
        whole = np.concatenate(parts).astype(np.float64)
        check_numbers(whole)
        return [whole[: len(row) - 1, i] for i, row in enumerate(rows)], state

    def _read_part(
        self, state: Named, tokens: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], *, scored: bool
    ) -> tuple[Array, Named]:
        lengths = np.array([len(row) for row in tokens])
        if lengths.max() == 0:
            return np.zeros((0, len(tokens)), np.float32), state
        found = self.graphs.run(
            "read",
            {
                "tokens": _padded(tokens),
                "targets": _padded(targets),
                "lengths": lengths,
                "scored": np.array(scored),
                **dict(prefixed("state", state)),
            },
        )
        return found.pop("nats"), _unprefixed(found)


def _by_row(samplings: SamplingConfig | Sequence[SamplingConfig], count: int) -> dict[str, Array]:
    one = isinstance(samplings, SamplingConfig)
    return {
        name: np.full(count, getattr(samplings, name), dtype)
        if one
        else np.array([getattr(each, name) for each in samplings], dtype)  # type: ignore[union-attr]
        for name, dtype in _SAMPLING.items()
    }


def _padded(rows: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """(T, B), zeros past the end of a row."""
    width = max(map(len, rows))
    array = np.zeros((len(rows), width), np.int64)
    for i, row in enumerate(rows):
        array[i, : len(row)] = row
    return np.ascontiguousarray(array.T)


def _unprefixed(found: Named) -> dict[str, Array]:
    return {name.removeprefix("new_state."): array for name, array in found.items() if name.startswith("new_state.")}


def _to_the_end(session: Session, pieces: Iterator[str]) -> Iterator[str]:
    yield from pieces
    if rest := session.flush()[0]:
        yield rest
