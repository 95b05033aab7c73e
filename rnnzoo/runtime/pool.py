"""Sessions by the thousand: their states in one array, so that all of them move on by one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from .continuing import TAIL
from .graph import Array
from .randomness import Draws
from .sampling import SamplingConfig
from .session import Session, TextModel

__all__ = ["Pool"]

Ids = NDArray[np.int64]

_NUMBERS = 64
"""Random numbers that a row has at hand: drawing them by the seed costs more than a step."""


class Pool:
    """Many sessions of one row each, stepped as one batch; each says what it would say by itself.

    ::

        pool = model.pool()
        rows = [pool.add(model.session(seed=i).feed("The ")) for i in range(1000)]
        tokens = pool.step(SamplingConfig(0.8))     # (1000,): one token further, in one call
        session = pool.session(rows[3])             # one of them, to be saved or to go on by itself

    A row takes the bytes of its state and less than a kilobyte. Nothing is done row by row in Python.

    Args:
        model: any exported language model. capacity: rows that there is room for at once; more are made room for.

    Raises:
        UserError: the capacity is below 0.
    """

    def __init__(self, model: TextModel, capacity: int = 0) -> None:
        if capacity < 0:
            raise UserError(f"capacity must be 0 or more, not {capacity}")
        self.model = model
        self._columns: dict[str, Array] = {
            "tokens": np.zeros(0, np.int64),
            "fed": np.zeros(0, bool),
            "tails": np.zeros((0, TAIL), np.int32),  # the last tokens, -1 before there were any
            "seeds": np.zeros(0, np.int64),
            "taken": np.zeros(0, np.int64),
            "numbers": np.zeros((0, _NUMBERS)),
            "at": np.zeros(0, np.int64),  # the next one of `numbers`
            "alive": np.zeros(0, bool),
        }
        self._state: dict[str, Array] = {
            name: np.zeros((0, *like.shape[1:]), like.dtype) for name, like in model.first_state.items()
        }
        self._grow(capacity)

    def __len__(self) -> int:
        return int(self._columns["alive"].sum())

    @property
    def nbytes(self) -> int:
        """Of all rows, those that are free too."""
        return sum(array.nbytes for array in (*self._columns.values(), *self._state.values()))

    @property
    def rows(self) -> Ids:
        """Those that are taken, in order: what the methods mean where no rows are named."""
        return np.flatnonzero(self._columns["alive"])

    # ------------------------------------------------------------------------------------------ who is in it

    def add(self, session: Session) -> int:
        """Copies a session of one row into the pool; returns its row.

        Raises:
            UserError: it has several rows, or another model.
        """
        if session.num != 1 or session.model is not self.model:
            raise UserError("a pool takes sessions of one row, and of its own model")
        free = np.flatnonzero(~self._columns["alive"])
        if len(free) == 0:
            self._grow(max(16, len(self._columns["alive"]) // 16))
            free = np.flatnonzero(~self._columns["alive"])
        row = int(free[0])
        column = self._columns
        column["tokens"][row], column["fed"][row], column["alive"][row] = session._tokens[0], session._fed, True
        tail = session._tails[0]
        column["tails"][row] = -1
        column["tails"][row, TAIL - len(tail) :] = tail
        column["seeds"][row], column["taken"][row] = session._draws[0].seed, session._draws[0].taken
        column["at"][row] = _NUMBERS
        for name, array in session._state.items():
            self._state[name][row] = array[0]
        return row

    def session(self, row: int) -> Session:
        """A copy of a row as a session, which can be saved, and goes on as the row would."""
        self._checked([row])
        column, session = self._columns, Session(self.model, seed=0)
        session._tokens, session._fed = (int(column["tokens"][row]),), bool(column["fed"][row])
        session._tails = (tuple(token for token in column["tails"][row].tolist() if token >= 0),)
        session._draws = [Draws(int(column["seeds"][row]), int(column["taken"][row]))]
        session._state = {name: array[row : row + 1] for name, array in self._state.items()}
        return session

    def remove(self, row: int) -> None:
        """Forgets a row, whose place the next one takes."""
        self._checked([row])
        self._columns["alive"][row] = False

    # ------------------------------------------------------------------------------------------ what they do

    def step(self, sampling: SamplingConfig | None = None, rows: Sequence[int] | Ids | None = None) -> Ids:
        """One token further: (R,), drawn in each row by its own seed. The arguments are those of `write`."""
        (tokens,) = self.write(1, sampling, rows)
        return np.asarray(tokens)

    def write(
        self, length: int, sampling: SamplingConfig | None = None, rows: Sequence[int] | Ids | None = None
    ) -> Ids:
        """The next `length` tokens of each row, (T, R).

        Args:
            length: tokens, at most 64. sampling: of all of them. rows: different ones; all when left out.

        Raises:
            UserError: a value is out of range, or there is no such row.
        """
        if not 0 < length <= _NUMBERS:
            raise UserError(f"length must be from 1 to {_NUMBERS}, not {length}")
        where, sampling = self._checked(rows), sampling or SamplingConfig()
        if len(where) == 0:
            return np.zeros((length, 0), np.int64)
        column, drawn = self._columns, sampling.temperature > 0
        draws = self._draws(where, length) if drawn else np.zeros((length, len(where)))
        written, after = self.model.write(column["tokens"][where], self._states(where), length, sampling, draws)
        self._keep(where, after)
        column["tokens"][where], column["fed"][where] = written[-1], True
        column["tails"][where] = np.concatenate([column["tails"][where], written.T], axis=1)[:, -TAIL:]
        if drawn:
            column["taken"][where] += length
            column["at"][where] += length
        return written

    def feed_ids(self, ids: Sequence[Sequence[int]] | Ids, rows: Sequence[int] | Ids | None = None) -> None:
        """Reads token ids: any number in each row, R of them.

        Raises:
            UserError: one is no token of the model, or there are not as many as rows; nothing was read.
        """
        where, column = self._checked(rows), self._columns
        given = [[int(token) for token in some] for some in ids]
        if len(given) != len(where):
            raise UserError(f"ids for {len(given)} rows, and there are {len(where)}")
        for token in (token for some in given for token in some):
            if not 0 <= token < self.model.vocab_size:
                raise UserError(f"{token} is no token: they are from 0 to {self.model.vocab_size - 1}")
        some_rows = [i for i, some in enumerate(given) if some]
        if not some_rows:
            return
        where, given = where[some_rows], [given[i] for i in some_rows]
        fed, last = column["fed"][where].tolist(), column["tokens"][where].tolist()
        read = [[token, *some] if was else some for was, token, some in zip(fed, last, given, strict=True)]
        self._keep(where, dict(self.model.read(self._states(where), [some[:-1] for some in read])))
        column["tokens"][where], column["fed"][where] = [some[-1] for some in given], True
        for row, some in zip(where.tolist(), given, strict=True):
            column["tails"][row] = np.concatenate([column["tails"][row], some])[-TAIL:]

    def probabilities(self, rows: Sequence[int] | Ids | None = None) -> NDArray[np.float64]:
        """(R, V): of the next token of each row, the model's own: no temperature, nothing left out."""
        where = self._checked(rows)
        logits, _ = self.model.step(self._columns["tokens"][where], self._states(where))
        found = np.exp(logits - logits.max(-1, keepdims=True), dtype=np.float64)
        return np.asarray(found / found.sum(-1, keepdims=True))

    # ------------------------------------------------------------------------------------------ parts

    def _checked(self, rows: Sequence[int] | Ids | None) -> Ids:
        if rows is None:
            return self.rows
        where: Any = np.asarray(rows, np.int64).reshape(-1)
        alive = self._columns["alive"]
        if len(where) and not (where.min() >= 0 and where.max() < len(alive) and alive[where].all()):
            raise UserError("there is no such row in the pool")
        if len(np.unique(where)) < len(where):
            raise UserError("a row cannot move on beside itself")
        return np.asarray(where)

    def _states(self, where: Ids) -> dict[str, Array]:
        if len(where) == len(self._columns["alive"]) and np.array_equal(where, np.arange(len(where))):
            return self._state
        return {name: array[where] for name, array in self._state.items()}

    def _keep(self, where: Ids, after: dict[str, Array]) -> None:
        for name, array in self._state.items():
            array[where] = after[name]

    def _draws(self, where: Ids, length: int) -> NDArray[np.float64]:
        """(T, R): the next numbers of each row, not yet taken."""
        column = self._columns
        for row in where[column["at"][where] + length > _NUMBERS].tolist():
            column["numbers"][row] = Draws(int(column["seeds"][row]), int(column["taken"][row])).peek(_NUMBERS)
            column["at"][row] = 0
        return np.ascontiguousarray(column["numbers"][where, column["at"][where] + np.arange(length)[:, None]])

    def _grow(self, more: int) -> None:
        for arrays in (self._columns, self._state):
            for name, array in arrays.items():
                arrays[name] = np.concatenate([array, np.zeros((more, *array.shape[1:]), array.dtype)])
