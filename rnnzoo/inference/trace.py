"""What goes on inside a net while it reads or translates, as arrays by name; the pages of `rnnzoo.page` draw the same.

A text is read as `rnnzoo.inference.generation.generate` reads a prompt: from the zero state, its first token first. The
surprisal of that first token is what the model's own beginning says of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from rnnzoo import state as states
from rnnzoo.errors import UserError
from rnnzoo.inference.eval_mode import device_of, evaluating
from rnnzoo.inference.graphs.gates import GateRecorder
from rnnzoo.inference.translation.attention_picture import attended
from rnnzoo.inference.translation.sentences import source_rows, source_tensors
from rnnzoo.inference.translation.translate import translations
from rnnzoo.networks import LanguageNet, Seq2SeqNet
from rnnzoo.shapes import Float, Tensor
from rnnzoo.state import State
from rnnzoo.text.base import Unknown
from rnnzoo.text.reading import start_token

__all__ = ["FADED", "Trace", "fades_after", "trace", "trace_translation"]

FADED = 0.05
"""A change below this share of the probability counts as none."""

Array = npt.NDArray[np.float32]


class Trace(Mapping[str, Array]):
    """Arrays by name, of the tokens of a text or of a translation.

    Attributes:
        tokens: T texts, those that were read or, of a translator, written, its end among them.
        source: of a translator, the S texts that were read; else empty.
        place: of a language model, the token whose prediction ``influence`` is about.
    """

    def __init__(self, tokens: list[str], arrays: dict[str, Array], source: tuple[str, ...] = (), place: int = -1):
        self.tokens, self.source, self.place, self._arrays = tokens, source, place, arrays

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


def trace(model: LanguageNet, text: str, *, at: int = -1, window: int = 64, unknown: Unknown = "error") -> Trace:
    """Reads `text` token by token.

    ::

        found = model.trace("he said: \\"hello")
        found["unit.0.h"][:, 17]    # unit 17 of layer 0 after each token

    The arrays: ``surprisal`` (T,), bits; ``unit.N.FIELD`` (T, H), the state after each token; ``gate.N.NAME`` (T, H),
    what a cell's sigmoids gave, under the names of its code; ``influence`` (D,), how much the prediction after token
    `at` would change had the token d before it been another, the one that the model held for most probable there beside
    what stood there: the share of probability that moves (total variation), from 0 to 1.

    Args:
        model: any language model; it is used without dropout.
        text: any length; T tokens.
        at: the token after which ``influence`` looks, counted from the end where negative.
        window: how many earlier tokens are changed, one at a time.
        unknown: ``"drop"`` leaves out characters that the vocabulary does not have.

    Raises:
        UserError: the text has no token, or unknown characters, or there is no token `at`.
    """
    ids = model.tokenizer.encode(text, unknown=unknown).astype(np.int64).tolist()
    if not ids:
        raise UserError("there is no text to trace")
    if not -len(ids) <= at < len(ids):
        raise UserError(f"there is no token {at} in a text of {len(ids)} tokens")
    place, device = at % len(ids), device_of(model)
    columns: dict[str, list[Array]] = {}
    before: list[State] = []
    said: list[Tensor] = []
    with evaluating(model):
        first = torch.tensor([start_token(model.tokenizer)], device=device)
        said.append(_log_probs(model.step(first, model.initial_state(1))[0]))
        state = model.initial_state(1)
        for token in ids:
            before.append(state)
            with GateRecorder(model) as recorder:
                logits, state = model.step(torch.tensor([token], device=device), state)
            said.append(_log_probs(logits))
            found = {f"unit.{name}": leaf for name, leaf in states.flatten(state).items() if 0 not in leaf.shape}
            for name, leaf in (found | {f"gate.{name}": leaf for name, leaf in recorder.values().items()}).items():
                columns.setdefault(name, []).append(leaf[0].float().cpu().numpy().reshape(-1))
        far = max(place + 1 - window, 0)
        others = [_other(said[i], ids[i]) for i in range(far, place + 1)]
        moved = _said_had_one_been_another(model, ids[far : place + 1], others, before[far : place + 1])
    changes = (moved - said[place + 1].exp()).abs().sum(-1).flip(0) / 2
    surprisal = np.array([-float(said[i][token]) / np.log(2) for i, token in enumerate(ids)], np.float32)
    arrays = {"surprisal": surprisal, **{name: np.stack(rows) for name, rows in columns.items()}}
    texts = model.tokenizer.token_texts()
    return Trace([texts[i] for i in ids], arrays | {"influence": changes.numpy().astype(np.float32)}, place=place)


def fades_after(influence: Float[npt.NDArray[Any], "D"], share: float = FADED) -> int:
    """The distance from which on no change moves more than `share` of the probability."""
    strong = np.flatnonzero(influence >= share)
    return int(strong[-1]) + 1 if len(strong) else 0


def trace_translation(model: Seq2SeqNet, text: str, *, unknown: Unknown = "error", **options: Any) -> Trace:
    """Translates `text` and looks at how.

    The arrays: ``attention`` (T, S), where the model has any; ``surprisal`` (T,) of each token that it wrote, its end
    among them, bits; without attention ``unit.NAME`` (1, H), the state that the decoder begins with.

    Args:
        model: any translator; it is used without dropout.
        text: a sentence. unknown: ``"drop"`` leaves out characters that the vocabulary does not have.
        options: those of a search, see `rnnzoo.inference.translation.translate.translations`.

    Raises:
        UserError: there is nothing to translate, or a value is out of range.
    """
    row = source_rows(model, [text], unknown)[0]
    if not len(row):
        raise UserError("there is no text to trace")
    best = translations(model, text, unknown=unknown, **options)[0][0]
    targets = [*best.tokens, model.boundary]
    arrays: dict[str, Array] = {}
    with evaluating(model):
        state, memory = model.encode(*source_tensors(model, [row]))
        if model.attention_layer is None:
            leaves = {name: leaf for name, leaf in states.flatten(state).items() if 0 not in leaf.shape}
            arrays = {f"unit.{name}": leaf.float().cpu().numpy().reshape(1, -1) for name, leaf in leaves.items()}
        last, bits = model.boundary, []
        for token in targets:
            logits, state = model.step(torch.tensor([last], device=device_of(model)), state, memory)
            bits.append(-float(_log_probs(logits)[token]) / np.log(2))
            last = token
    names, sources = model.tgt_tokenizer.token_texts(), model.src_tokenizer.token_texts()
    tokens, source = [names[i] for i in best.tokens] + ["(end)"], [sources[i] for i in row.tolist()] + ["(end)"]
    if model.attention_layer is not None:
        looked = attended(model, text, best.tokens, unknown=unknown)
        arrays["attention"], source, tokens = looked.weights, looked.src_tokens, looked.tgt_tokens
    return Trace(tokens, arrays | {"surprisal": np.array(bits, np.float32)}, tuple(source))


def _log_probs(logits: Tensor) -> Tensor:
    return logits[0].double().log_softmax(-1).cpu()


def _other(log_probs: Tensor, token: int) -> int:
    """What else could have stood there."""
    best = log_probs.sort(descending=True, stable=True).indices[:2].tolist()
    return next((one for one in best if one != token), token)


def _said_had_one_been_another(
    model: LanguageNet, ids: list[int], others: list[int], before: list[State]
) -> Float[Tensor, "N V"]:
    """The distribution after N tokens, in row n had token n been the other one.

    A row joins the batch where its token comes, in the state that all had until then, so each step is one call.

    Args:
        ids: N tokens. others: what else could have stood at each place. before: the state before each.
    """
    device, state, tokens = device_of(model), before[0], torch.empty(0, dtype=torch.int64)
    for place, (token, other) in enumerate(zip(ids, others, strict=True)):
        if place:
            _, state = model.features(tokens.to(device), state)
            state = states.map(lambda leaf, new: torch.cat([leaf, new]), state, before[place])
        tokens = torch.tensor([token] * place + [other])[:, None]
    said: Tensor = model(tokens.to(device), state)[0][:, -1]
    return said.double().softmax(-1).cpu()
