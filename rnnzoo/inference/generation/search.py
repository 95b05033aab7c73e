"""The most probable continuations of a text, by beam search: what a language model says when nothing is drawn."""

from __future__ import annotations

from collections.abc import Sequence

from rnnzoo import decoding
from rnnzoo.decoding import SearchConfig, StopScanner
from rnnzoo.errors import UserError
from rnnzoo.inference.generation.session import Session
from rnnzoo.text import Tokenizer

__all__ = ["search"]


def search(
    session: Session, max_new_tokens: int, config: SearchConfig, *, stop: str | Sequence[str] | None = None
) -> list[str]:
    """The `config.nbest` most probable continuations that the beam finds, the best first; fewer where no more exist.

    The session stays where it is.

    Args:
        session: of one row.
        max_new_tokens: at most so many tokens each.
        config: the beam; its length penalty tells only where texts may end.
        stop: a text ends before this string, which has to be one token of the model; None: none ends earlier.

    Raises:
        UserError: a value is out of range, or `stop` is not one token.
    """
    if max_new_tokens < 0:
        raise UserError(f"max_new_tokens must be 0 or more, not {max_new_tokens}")
    strings = decoding.stop_strings(stop)
    eos = _end(session.model.tokenizer, strings)
    if max_new_tokens == 0:
        return [""]
    tokens, state = session._position()
    (found,) = decoding.beam_search(session._step(), tokens, state, eos=eos, config=config, max_lens=max_new_tokens)
    texts = []
    for hypothesis in found:
        decoder, scanner = session._decoder(0), StopScanner(strings)
        pieces = [scanner.feed(decoder.feed(token)) for token in hypothesis.tokens]
        texts.append("".join(pieces) + scanner.feed(decoder.flush()) + scanner.flush())
    return texts


def _end(tokenizer: Tokenizer, strings: Sequence[str]) -> int | None:
    if not strings:
        return None
    ids = tokenizer.encode(strings[0]).tolist()
    if len(strings) > 1 or len(ids) != 1:
        raise UserError("a beam search ends its texts at one token: stop must be a single one of the model's tokens")
    return int(ids[0])
