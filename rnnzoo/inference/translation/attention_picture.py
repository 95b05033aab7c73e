"""The picture of a translator's attention: which source token each target token was written from."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from rnnzoo.errors import UserError
from rnnzoo.files import write_durably
from rnnzoo.inference.eval_mode import device_of, evaluating
from rnnzoo.inference.translation.sentences import source_rows, source_tensors
from rnnzoo.networks import Seq2SeqNet
from rnnzoo.shapes import Float
from rnnzoo.text import Tokenizer
from rnnzoo.text.base import Unknown
from rnnzoo.text.reading import escaped

__all__ = ["END", "Attended", "attended", "attention_file", "draw_attention", "picture_format"]

END = "(end)"
"""Stands in a picture for the boundary."""


class Attended(NamedTuple):
    """Where a translator looked.

    Attributes:
        weights: (T, S), each row sums to 1. src_tokens: S texts, the last is `END`. tgt_tokens: T texts, likewise.
    """

    weights: Float[npt.NDArray[np.float32], "T S"]
    src_tokens: list[str]
    tgt_tokens: list[str]


def attended(model: Seq2SeqNet, text: str, tokens: Sequence[int], *, unknown: Unknown = "error") -> Attended:
    """Where the model looks as it writes a given translation, whoever made it.

    Args:
        model: a translator with attention; it is used without dropout, and left as it is.
        text: the source. tokens: the translation's ids, such as `Translation.tokens`.
        unknown: what becomes of characters of `text` that the vocabulary does not have.

    Raises:
        UserError: the model has no attention, or the source has unknown characters.
    """
    row = source_rows(model, [text], unknown)[0]
    tgt = torch.tensor([[model.boundary, *tokens]], device=device_of(model))  # row t is asked for what comes after it
    with evaluating(model):
        weights = model.attention(*source_tensors(model, [row]), tgt)[0]
    sides = ((model.src_tokenizer, row.tolist()), (model.tgt_tokenizer, list(tokens)))
    src_tokens, tgt_tokens = ([*_texts(tokenizer, ids), END] for tokenizer, ids in sides)
    return Attended(weights.float().cpu().numpy(), src_tokens, tgt_tokens)


def draw_attention(
    weights: Float[npt.NDArray[Any], "T S"],
    src_tokens: Sequence[str],
    tgt_tokens: Sequence[str],
    path: str | os.PathLike[str],
) -> None:
    """Draws attention weights, source tokens across and target tokens down: the darker, the more it was looked at.

    The file is there completely or not at all, and the same for the same weights.

    Args:
        weights: a row for each target token. src_tokens: S texts. tgt_tokens: T texts.
        path: a .png or .svg file.

    Raises:
        UserError: another kind of file, or it cannot be written.
    """
    picture = attention_file(weights, src_tokens, tgt_tokens, picture_format(path))
    try:
        write_durably(Path(path), lambda file: file.write(picture))
    except OSError as error:
        raise UserError(f"cannot be written ({error.strerror})", path=path) from None


def attention_file(
    weights: Float[npt.NDArray[Any], "T S"], src_tokens: Sequence[str], tgt_tokens: Sequence[str], kind: str = "png"
) -> bytes:
    """The content of the file that `draw_attention` writes; `kind` is ``"png"`` or ``"svg"``."""
    if weights.shape != (len(tgt_tokens), len(src_tokens)):
        raise ValueError(f"weights {weights.shape} of {len(tgt_tokens)} target and {len(src_tokens)} source tokens")
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Text in an SVG stays text, so that it is shown in whatever script it is; a PNG has boxes for what DejaVu lacks.
    style: Any = {"svg.hashsalt": "rnnzoo", "svg.fonttype": "none", "font.size": 10}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        size = (1.6 + 0.34 * len(src_tokens), 1.4 + 0.34 * len(tgt_tokens))
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)  # without pyplot: no window, and nothing kept
        axes = figure.add_subplot()
        axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="equal", interpolation="nearest")
        # parse_math: a price in dollars is no formula
        axes.set_xticks(
            range(len(src_tokens)), src_tokens, rotation=60, ha="left", rotation_mode="anchor", parse_math=False
        )
        axes.set_yticks(range(len(tgt_tokens)), tgt_tokens, parse_math=False)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.set_xticks(np.arange(len(src_tokens) - 1) + 0.5, minor=True)
        axes.set_yticks(np.arange(len(tgt_tokens) - 1) + 0.5, minor=True)
        axes.grid(which="minor", color="0.85", linewidth=0.5)
        axes.tick_params(which="minor", length=0)
        metadata = {"Software": None} if kind == "png" else {"Date": None}
        content = io.BytesIO()
        figure.savefig(content, format=kind, dpi=150, metadata=metadata)
    return content.getvalue()


def picture_format(path: str | os.PathLike[str]) -> str:
    """``"png"`` or ``"svg"``, by the name's ending.

    Raises:
        UserError: it is neither.
    """
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in ("png", "svg"):
        raise UserError("a picture's name ends in .png or .svg", path=path)
    return kind


def _texts(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
    """Tokens for people: without the space before a word, while a space by itself stays visible."""
    texts = tokenizer.token_texts()
    return [escaped(texts[i].strip(" ")) or "\u2423" * len(texts[i]) for i in ids]
