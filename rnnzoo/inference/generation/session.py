"""A session: a text that a language model reads and continues, kept in its recurrent state."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Literal, Self

import torch
from torch import Tensor

from rnnzoo import decoding
from rnnzoo import state as states
from rnnzoo.decoding import Position, SamplingConfig, Step, StopScanner
from rnnzoo.decoding.without import without
from rnnzoo.errors import UserError
from rnnzoo.inference import plans
from rnnzoo.inference.eval_mode import device_of
from rnnzoo.inference.generation.prime import prime
from rnnzoo.inference.generation.session_file import Stored, load_session, save_session
from rnnzoo.networks import LanguageNet
from rnnzoo.runtime.continuing import TAIL, Continuing
from rnnzoo.state import State
from rnnzoo.text import Tokenizer
from rnnzoo.text.reading import start_token

__all__ = ["Session"]


class Session(Continuing):
    """A text that a language model reads and continues by turns, in its recurrent state.

    ::

        session = Session(model, seed=1)
        session.feed("ROMEO:\\n")
        text = session.generate(200, temperature=0.8)[0]
        other = session.fork(seed=2).generate(200)[0]   # another continuation of the same text

    A session to which nothing was fed starts at the model's own beginning: the zero state and a line break
    (or token 0, where the vocabulary has no line break). What is fed first replaces that line break.

    Each of `num` rows has its own random numbers, row i those of seed + i: it says the same with or without
    the others.

    Args:
        model: any language model; it is used without dropout, and its mode is left as it is.
        num: how many continuations are written at once.
        seed: of row 0; None takes one at random.
        backend: what the steps run on, see `rnnzoo.inference.plans`.

    Raises:
        UserError: `num` is less than 1, or there is no such backend.
    """

    def __init__(self, model: LanguageNet, *, num: int = 1, seed: int | None = None, backend: str = plans.AUTO) -> None:
        if num < 1:
            raise UserError(f"num must be 1 or more, not {num}")
        self.model, self.num, self.backend = model, num, plans.known(backend)
        # One row until the rows part: the tokens are those not yet read, None at the very beginning.
        self._tokens: Tensor | None = None
        self._state: State = model.initial_state(1)
        self._generators = decoding.row_generators(seed, num)
        self._tails: list[list[int]] = [[]] * num

    def feed(self, text: str, *, unknown: Literal["error", "drop"] = "error") -> Self:
        """Reads `text`, in every row; feeding it in parts is the same as feeding it whole.

        Args:
            text: any length; an empty one changes nothing.
            unknown: ``"drop"`` leaves out characters that the vocabulary does not have.

        Raises:
            UserError: characters that the vocabulary does not have; nothing was read.
        """
        ids = self.model.tokenizer.encode(text, unknown=unknown).tolist()
        if ids:
            rows = 1 if self._tokens is None else self._tokens.size(0)
            new = torch.tensor([ids] * rows, device=device_of(self.model))
            read = new if self._tokens is None else torch.cat([self._tokens.unsqueeze(1), new], dim=1)
            self._state = prime(self.model, read[:, :-1], self._state)
            self._tokens = read[:, -1]
            self._tails = [(tail + ids)[-TAIL:] for tail in self._tails]
        return self

    def flush(self) -> list[str]:
        """Gives up what each row holds back, such as an incomplete character (U+FFFD)."""
        texts = [self._decoder(row).flush() for row in range(self.num)]
        self._tails = [[]] * self.num
        return texts

    def fork(self, *, seed: int | None = None) -> Session:
        """An independent copy. It continues as this one would, or, with a seed, differently."""
        copy = Session(self.model, num=self.num, seed=seed or 0, backend=self.backend)
        copy._tokens, copy._state, copy._tails = self._tokens, self._state, list(self._tails)  # never changed in place
        if seed is None:
            for new, old in zip(copy._generators, self._generators, strict=True):
                new.set_state(old.get_state())
        return copy

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the session, without the model, to one safetensors file."""
        random = torch.stack([generator.get_state() for generator in self._generators])
        save_session(path, self.model, Stored(self._tokens, self._state, self._tails, random))

    @classmethod
    def load(cls, path: str | os.PathLike[str], model: LanguageNet) -> Session:
        """The session of a file that `save` wrote; it continues as the saved one would have.

        Raises:
            UserError: the file is missing or damaged, or was saved with another model.
        """
        stored = load_session(path, model)
        session = cls(model, num=stored.random.size(0), seed=0)
        session._tokens, session._state, session._tails = stored.tokens, stored.state, stored.tails
        for generator, saved in zip(session._generators, stored.random, strict=True):
            generator.set_state(saved.clone())  # a row of a larger tensor crashes the process (torch 2.13)
        return session

    def _position(self) -> Position:
        """One row for each of `num`."""
        tokens = self._tokens
        if tokens is None:
            tokens = torch.tensor([start_token(self.model.tokenizer)], device=device_of(self.model))
        times = self.num // tokens.size(0)
        return Position(tokens, self._state) if times == 1 else Position(*states.repeat((tokens, self._state), times))

    @property
    def _tokenizer(self) -> Tokenizer:
        return self.model.tokenizer

    def _tail(self, row: int) -> Sequence[int]:
        return self._tails[row]

    def _step(self) -> Step:
        """A step over the model's weights as they are now."""
        return without(plans.plan_of(self.model, self.backend).step, self.model.tokenizer.unwritten)

    def _stream_rows(
        self, max_new_tokens: int, sampling: SamplingConfig, strings: tuple[str, ...]
    ) -> Iterator[list[str]]:
        decoders = [self._decoder(row) for row in range(self.num)]
        scanners = [StopScanner(strings) for _ in range(self.num)]
        pieces: list[str] = []

        def read(tokens: Tensor) -> list[bool]:
            pieces[:] = [""] * self.num
            for row, token in enumerate(tokens.tolist()):
                if not scanners[row].stopped:
                    pieces[row] = scanners[row].feed(decoders[row].feed(token))
                    self._tails[row] = [] if scanners[row].stopped else [*self._tails[row], token][-TAIL:]
            return [scanner.stopped for scanner in scanners]

        for position in decoding.generate(
            self._step(),
            self._position(),
            max_new_tokens=max_new_tokens,
            sampling=sampling,
            generators=self._generators,
            finished=read,
        ):
            self._tokens, self._state = position
            yield list(pieces)
            if self._tokens is not position.tokens:
                raise RuntimeError("the session was fed or continued elsewhere while this stream was under way")
        if any(held := [scanner.flush() for scanner in scanners]):
            yield held
