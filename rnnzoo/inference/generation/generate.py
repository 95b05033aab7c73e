"""Text from a language model, in one call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Unpack

from rnnzoo.decoding import SAMPLING_FIELDS, SamplingConfig, SamplingFields, SearchConfig, sampling_of
from rnnzoo.errors import UserError
from rnnzoo.inference import plans
from rnnzoo.inference.generation.search import search
from rnnzoo.inference.generation.session import Session
from rnnzoo.networks import LanguageNet

__all__ = ["generate", "stream"]


def stream(
    model: LanguageNet,
    prompt: str = "",
    *,
    max_new_tokens: int = 500,
    sampling: SamplingConfig | None = None,
    seed: int | None = None,
    stop: str | Sequence[str] | None = None,
    unknown: Literal["error", "drop"] = "error",
    backend: str = plans.AUTO,
    **fields: Unpack[SamplingFields],
) -> Iterator[str]:
    """One text that continues `prompt`, piece by piece; the arguments are those of `generate`.

    Everything is checked, and the prompt is read, before the first piece is asked for.
    """
    sampling = sampling_of(sampling, fields)
    session = Session(model, seed=seed, backend=backend)
    pieces = session.stream(max_new_tokens, sampling, stop=stop)
    session.feed(prompt, unknown=unknown)
    return _to_the_end(session, pieces)


def generate(
    model: LanguageNet,
    prompt: str = "",
    *,
    max_new_tokens: int = 500,
    sampling: SamplingConfig | None = None,
    seed: int | None = None,
    num: int = 1,
    stop: str | Sequence[str] | None = None,
    unknown: Literal["error", "drop"] = "error",
    beam: int | None = None,
    backend: str = plans.AUTO,
    **fields: Unpack[SamplingFields],
) -> list[str]:
    """Texts that continue `prompt`, without the prompt.

    Args:
        model: any language model.
        prompt: what is read first; nothing is the model's own beginning (see `Session`).
        max_new_tokens: at most so many tokens each.
        sampling: what is done to the distribution before a token is drawn; nothing, if left out.
        seed: text i is drawn with seed + i; None takes one at random.
        num: how many texts.
        stop: a text ends before the first of these strings.
        unknown: ``"drop"`` leaves out characters of the prompt that the vocabulary does not have.
        beam: instead of drawing, searches with so many hypotheses for the `num` most probable texts, the best first;
            `stop` must then be one token.
        backend: what the steps run on, see `rnnzoo.inference.plans`; only speed depends on it, but for ``onnx-int8``.
        **fields: those of `SamplingConfig`, each by its name: ``temperature=0.8``, ``top_p=0.95``.

    Raises:
        UserError: a value is out of range, there is no such backend, the prompt has unknown characters, or `beam`
            stands beside what only drawing uses.
    """
    sampling = sampling_of(sampling, fields)
    if beam is not None:
        if sampling != SamplingConfig() or seed is not None:
            raise UserError(f"a beam search draws nothing: {', '.join(SAMPLING_FIELDS)} and seed do not go with beam")
        config = SearchConfig(beam, num)
        return search(Session(model, backend=backend).feed(prompt, unknown=unknown), max_new_tokens, config, stop=stop)
    session = Session(model, num=num, seed=seed, backend=backend).feed(prompt, unknown=unknown)
    texts = session.generate(max_new_tokens, sampling, stop=stop)
    return [text + rest for text, rest in zip(texts, session.flush(), strict=True)]


def _to_the_end(session: Session, pieces: Iterator[str]) -> Iterator[str]:
    yield from pieces
    if rest := session.flush()[0]:
        yield rest
