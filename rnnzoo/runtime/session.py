"""A text that a model reads and continues by turns, in its recurrent state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..text import Tokenizer
from .continuing import TAIL, Continuing
from .graph import Array, Named, gather, stack_rows
from .randomness import check_seed, row_draws
from .sampling import SamplingConfig
from .saved import Kept, pack, unpack
from .stop import StopScanner, stop_strings

__all__ = ["Session", "TextModel", "generate_together"]


class TextModel(Protocol):
    """What a session asks of its model; `rnnzoo.runtime.language_model.LanguageModel` says what each of it is."""

    tokenizer: Tokenizer
    vocab_size: int
    start: int
    unwritten: Array
    fingerprint: str
    first_state: Named

    def stretch(self, rows: int) -> int: ...
    def step(self, tokens: Array, state: Named) -> tuple[Array, dict[str, Array]]: ...
    def read(self, state: Named, rows: Sequence[Sequence[int]]) -> Named: ...
    def scored(self, state: Named, rows: Sequence[Sequence[int]]) -> tuple[list[NDArray[np.float64]], Named]: ...
    def write(
        self,
        tokens: Array,
        state: Named,
        length: int,
        samplings: SamplingConfig | Sequence[SamplingConfig],
        draws: Array,
    ) -> tuple[NDArray[np.int64], dict[str, Array]]: ...


class Session(Continuing):
    """A text of one or several rows, as `rnnzoo.inference.generation.session.Session` is one.

    ::

        session = model.session(seed=1)
        session.feed("ROMEO:\\n")
        text = session.generate(200, temperature=0.8)[0]
        data = session.save()                               # bytes: state, position, seed
        other = model.restore(data).generate(200)[0]        # goes on as this one would

    A session to which nothing was fed starts at the model's own beginning: the first state and a line break (or token
    0, where the vocabulary has no line break). What is fed first replaces that line break.

    Each of `num` rows has random numbers of its own, row i those of seed + i: it says the same with or without the
    others, and beside other sessions (`generate_together`).

    Args:
        model: any exported language model. num: how many continuations are written at once.
        seed: of row 0; None takes one at random.

    Raises:
        UserError: `num` is less than 1.
    """

    __slots__ = ("_draws", "_fed", "_packed", "_tails", "_tokens", "model", "num")

    def __init__(self, model: TextModel, *, num: int = 1, seed: int | None = None) -> None:
        if num < 1:
            raise UserError(f"num must be 1 or more, not {num}")
        check_seed(seed)
        self.model, self.num = model, num
        # One row until the rows part. The last token of each is not read yet; nothing was fed at the very beginning.
        self._state: Named = model.first_state
        self._tokens: tuple[int, ...] = (model.start,)
        self._fed = False
        self._draws = row_draws(seed, num)
        self._tails: tuple[tuple[int, ...], ...] = ((),) * num

    # ------------------------------------------------------------------------------------------ reading

    def feed(self, text: str, *, unknown: Literal["error", "drop"] = "error") -> Self:
        """Reads `text`, in every row; feeding it in parts is the same as feeding it whole.

        Args:
            text: any length; an empty one changes nothing.
            unknown: ``"drop"`` leaves out characters that the vocabulary does not have.

        Raises:
            UserError: characters that the vocabulary does not have; nothing was read.
        """
        return self.feed_ids(self.model.tokenizer.encode(text, unknown=unknown).tolist())

    def feed_ids(self, ids: Sequence[int]) -> Self:
        """Reads token ids, in every row.

        Raises:
            UserError: one is no token of the model; nothing was read.
        """
        ids = [int(token) for token in ids]
        if strange := [token for token in ids if not 0 <= token < self.model.vocab_size]:
            raise UserError(f"{strange[0]} is no token: they are from 0 to {self.model.vocab_size - 1}")
        if ids:
            rows = [[*([token] if self._fed else []), *ids] for token in self._tokens]
            self._state = self.model.read(self._state, [row[:-1] for row in rows])
            self._tokens, self._fed = tuple(row[-1] for row in rows), True
            self._tails = tuple((*tail, *ids)[-TAIL:] for tail in self._tails)
        return self

    def score(self, text: str, *, unknown: Literal["error", "drop"] = "error") -> NDArray[np.float64]:
        """Reads `text`, as `feed` does, and gives the surprisal of each of its tokens, -ln p in nats, (T,).

        Raises:
            UserError: the session has several rows, or the text has unknown characters; nothing was read.
        """
        if self.num != 1:
            raise UserError(f"this session has {self.num} rows: one is scored by itself")
        ids = self.model.tokenizer.encode(text, unknown=unknown).tolist()
        if not ids:
            return np.zeros(0)
        # what is fed first replaces the line break, but is predicted from it
        first = [] if self._fed else [-np.log(self.probabilities()[0, ids[0]])]
        (nats,), self._state = self.model.scored(self._state, [[*self._tokens, *ids] if self._fed else ids])
        self._tokens, self._fed = (ids[-1],), True
        self._tails = ((*self._tails[0], *ids)[-TAIL:],)
        return np.concatenate([first, nats])

    def probabilities(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """(num, V): of the next token of each row, the model's own: no temperature, nothing left out."""
        logits, _ = self.model.step(np.array(self._tokens), self._state)
        found = np.exp(logits - logits.max(-1, keepdims=True), dtype=np.float64)
        found = found / found.sum(-1, keepdims=True)
        return np.broadcast_to(found, (self.num, found.shape[1])).copy()

    # ------------------------------------------------------------------------------------------ writing

    def flush(self) -> list[str]:
        """Gives up what each row holds back, such as an incomplete character (U+FFFD)."""
        texts = [self._decoder(row).flush() for row in range(self.num)]
        self._tails = ((),) * self.num
        return texts

    # ------------------------------------------------------------------------------------------ keeping

    def fork(self, *, seed: int | None = None) -> Session:
        """An independent copy. It continues as this one would, or, with a seed, differently."""
        copy = Session(self.model, num=self.num, seed=seed or 0)
        copy._packed, copy._tokens, copy._fed, copy._tails = self._packed, self._tokens, self._fed, self._tails
        if seed is None:
            copy._draws = [draws.copy() for draws in self._draws]
        return copy

    def save(self) -> bytes:
        """The session without the model, as bytes that `LanguageModel.restore` takes."""
        model = self.model
        numbers = {name: self._state[name] for name in model.first_state}
        return pack(model.fingerprint, Kept(self._tokens, self._fed, self._tails, self._draws, numbers))

    @classmethod
    def restore(cls, model: TextModel, data: bytes) -> Session:
        """What `save` gave, with its model; see `LanguageModel.restore`."""
        kept = unpack(model.fingerprint, model.first_state, model.vocab_size, data)
        session = cls(model, num=len(kept.draws), seed=0)
        session._tokens, session._fed, session._tails, session._draws, session._state = kept
        return session

    # ------------------------------------------------------------------------------------------ parts

    @property
    def nbytes(self) -> int:
        """Bytes of the state."""
        return len(self._packed)

    @property
    def _state(self) -> Named:
        """Before the last token of each row. It is kept as bytes: an array's own description takes a hundred more."""
        first = self.model.first_state
        rows = len(self._packed) // sum(array.nbytes for array in first.values())
        found, at = dict[str, Array](), 0
        for name, like in first.items():
            count = rows * like.size
            found[name] = np.frombuffer(self._packed, like.dtype, count, at).reshape(rows, *like.shape[1:])
            at += count * like.itemsize
        return found

    @_state.setter
    def _state(self, state: Named) -> None:
        self._packed = b"".join(np.ascontiguousarray(state[name]).tobytes() for name in self.model.first_state)

    @property
    def _tokenizer(self) -> Tokenizer:
        return self.model.tokenizer

    def _tail(self, row: int) -> Sequence[int]:
        return self._tails[row]

    def _part(self) -> None:
        """From here on every row has a state of its own."""
        if (times := self.num // len(self._tokens)) > 1:
            self._state = {name: np.repeat(array, times, axis=0) for name, array in self._state.items()}
            self._tokens *= times

    def _stream_rows(
        self, max_new_tokens: int, sampling: SamplingConfig, strings: tuple[str, ...]
    ) -> Iterator[list[str]]:
        self._part()
        writers = [_Writer(self, row, strings) for row in range(self.num)]
        left = max_new_tokens
        while left and not all(writer.done for writer in writers):
            running = [row for row, writer in enumerate(writers) if not writer.done]
            stretch = _Stretch.write([(self, running, sampling)], min(left, self.model.stretch(len(running))))
            try:
                for place in range(stretch.length):
                    pieces = [""] * self.num
                    for column, row in enumerate(running):
                        if not writers[row].done:
                            pieces[row] = writers[row].feed(int(stretch.written[place, column]))
                            stretch.used[column] = place + 1
                    yield pieces
                    if all(writers[row].done for row in running):
                        break
            finally:  # also where the caller has had enough
                stretch.settle()
            left -= stretch.length
        if any(held := [writer.flush() for writer in writers]):
            yield held


class _Writer:
    """One row's tokens as text."""

    def __init__(self, session: Session, row: int, strings: tuple[str, ...]) -> None:
        self._session, self._row = session, row
        self._decoder, self._scanner = session._decoder(row), StopScanner(strings)
        self._tail = session._tails[row]

    @property
    def done(self) -> bool:
        return self._scanner.stopped

    def feed(self, token: int) -> str:
        piece: str = self._scanner.feed(self._decoder.feed(token))
        self._tail = () if self._scanner.stopped else (*self._tail, token)[-TAIL:]
        tails = self._session._tails
        self._session._tails = (*tails[: self._row], self._tail, *tails[self._row + 1 :])
        return piece

    def flush(self) -> str:
        return self._scanner.flush()


class _Stretch:
    """Some tokens of some rows of some sessions, written in one call.

    Attributes:
        length: tokens a row. written: (T, R) tokens. used: (R,) how many of each row's were taken.
    """

    def __init__(self, parts: Sequence[tuple[Session, Sequence[int], SamplingConfig]], length: int) -> None:
        self.parts = [(session, np.array(rows)) for session, rows, _ in parts]
        self.length = length
        model = parts[0][0].model
        self._model = model
        self._before = stack_rows(
            [
                session._state if len(rows) == session.num else gather(session._state, rows)
                for session, rows in self.parts
            ]
        )
        self._first = np.array([session._tokens[row] for session, rows in self.parts for row in rows])
        samplings = [sampling for _, rows, sampling in parts for _ in rows]
        draws = [session._draws[row] for session, rows in self.parts for row in rows]
        self.written, self._after = model.write(
            self._first, self._before, length, samplings, np.array([each.peek(length) for each in draws]).T
        )
        self.used = np.zeros(len(draws), np.int64)
        self._draws = [(each, sampling.temperature > 0) for each, sampling in zip(draws, samplings, strict=True)]

    @classmethod
    def write(cls, parts: Sequence[tuple[Session, Sequence[int], SamplingConfig]], length: int) -> _Stretch:
        """The next `length` tokens of these rows of each session."""
        return cls(parts, length)

    def settle(self) -> None:
        """Moves each row on by as many tokens as were taken of it: the state there is found by reading them again."""
        short = np.flatnonzero(self.used < self.length)
        after = self._after
        if len(short):
            read = [[self._first[i], *self.written[: self.used[i], i]][: self.used[i]] for i in short]
            again = self._model.read(gather(self._before, short), read)
            after = {name: array.copy() for name, array in after.items()}
            for name, array in again.items():
                after[name][short] = array
        column = 0
        for session, rows in self.parts:
            columns = slice(column, column + len(rows))
            column += len(rows)
            tokens = list(session._tokens)
            for i, row in enumerate(rows, start=columns.start):
                if used := self.used[i]:
                    tokens[row] = int(self.written[used - 1, i])
                draws, drawn = self._draws[i]
                draws.taken += int(used) * drawn
            session._tokens = tuple(tokens)
            session._fed = session._fed or bool(self.used[columns].any())
            if len(rows) == session.num:
                session._state = {name: array[columns] for name, array in after.items()}
            else:
                state = {name: array.copy() for name, array in session._state.items()}
                for name, array in after.items():
                    state[name][rows] = array[columns]
                session._state = state


def generate_together(
    sessions: Sequence[Session],
    max_new_tokens: int | Sequence[int] = 500,
    sampling: SamplingConfig | Sequence[SamplingConfig] | None = None,
    *,
    stop: Sequence[str | Sequence[str] | None] | str | None = None,
) -> list[str]:
    """What each session would write by itself, all of them as one batch.

    Args:
        sessions: different ones, of one model and one row each.
        max_new_tokens: at most so many, for all or for each. sampling: likewise. stop: a string for all, or a
            string, several or None for each.

    Raises:
        UserError: a value is out of range, or the sessions are not of one row and one model.
    """
    count = len(sessions)
    if any(session.num != 1 or session.model is not sessions[0].model for session in sessions):
        raise UserError("sessions that write together have one row each, and one model")
    if len({id(session) for session in sessions}) < count:
        raise UserError("a session cannot write beside itself: fork it")
    limits = [max_new_tokens] * count if isinstance(max_new_tokens, int) else list(max_new_tokens)
    configs = list(sampling) if isinstance(sampling, Sequence) else [sampling or SamplingConfig()] * count
    stops = [stop] * count if stop is None or isinstance(stop, str) else list(stop)
    if any(limit < 0 for limit in limits):
        raise UserError("max_new_tokens must be 0 or more")
    writers = [_Writer(session, 0, stop_strings(strings)) for session, strings in zip(sessions, stops, strict=True)]
    texts: list[list[str]] = [[] for _ in sessions]
    while running := [i for i in range(count) if limits[i] and not writers[i].done]:
        model = sessions[0].model
        length = min(model.stretch(len(running)), max(limits[i] for i in running))
        stretch = _Stretch([(sessions[i], [0], configs[i]) for i in running], length)
        for column, i in enumerate(running):
            for token in stretch.written[: limits[i], column].tolist():
                texts[i].append(writers[i].feed(token))
                stretch.used[column] += 1
                if writers[i].done:
                    break
            limits[i] -= int(stretch.used[column])
        stretch.settle()
    return ["".join([*some, writer.flush()]) for some, writer in zip(texts, writers, strict=True)]
