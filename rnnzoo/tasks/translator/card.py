"""What a translator's card says that no other's does."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

__all__ = ["CARD", "TranslatorCard", "languages_of", "sample_rows", "searched", "words"]

NAMES = {
    **{"cs": "Czech", "de": "German", "en": "English", "fr": "French", "ja": "Japanese", "nl": "Dutch"},
    "zh": "Chinese",
}

SHOWN = 8
"""Sample translations in a card."""

_FIGURES = {
    "bleu": "BLEU",
    "chrf": "chrF",
    "bleu_lowercased_tokenised": "BLEU of lower-cased tokens",
}


def languages_of(metrics: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[str, str]:
    """Source and target language as they are on record, ``"src"`` and ``"tgt"`` where nobody said."""
    data, named = config.get("data", {}), metrics.get("languages")
    if isinstance(named, list) and len(named) == 2:
        return str(named[0]), str(named[1])
    return str(data.get("src") or "src"), str(data.get("tgt") or "tgt")


class TranslatorCard:
    """See `rnnzoo.zoo.kinds.base.CardParts`."""

    tasks: Mapping[str, tuple[str, ...]] = MappingProxyType({"translator": ("bleu", "chrf", "ppl")})
    tags: tuple[str, ...] = ("translation",)
    pipeline, name = "translation", "Translation"
    published: tuple[str, ...] = ("bleu", "chrf")
    counted = "tokens"

    def languages(self, metrics: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
        """Source and target."""
        found = languages_of(metrics, config)
        return [] if found == ("src", "tgt") else [*dict.fromkeys(found)]

    def what(self, metrics: Mapping[str, Any], config: Mapping[str, Any], unit: str) -> str:
        """Languages, both halves and what joins them."""
        model = config["model"]
        source, target = (NAMES.get(one, one) for one in languages_of(metrics, config))
        spoken = "" if (source, target) == ("src", "tgt") else f" from {source} to {target}"
        ways = " in both directions" if model.get("bidirectional", True) else ""
        ways += " from the source's end" if model.get("reverse_source") else ""
        attention = model.get("attention")
        look = "no attention" if attention is None else f"{attention['name'].replace('_', '-')} attention"
        fed = ", input feeding" if model.get("input_feeding") else ""
        return (
            f"A translator{spoken}: encoder {_half(model['encoder'])}{ways}, decoder {_half(model['decoder'])}, "
            f"{look}{fed}"
        )

    def vocabulary(self, metrics: Mapping[str, Any], config: Mapping[str, Any], unit: str) -> str:
        """Of what it writes."""
        return f", an output vocabulary of {metrics['vocab_size']:,} {unit}s" if "vocab_size" in metrics else ""

    def usage(self, name: str, samples: str) -> str:
        """A sentence: the first of the samples."""
        shown = sample_rows(samples)
        sentence = shown[0][0] if shown else "A man is riding a bicycle."
        spoken = json.dumps(sentence, ensure_ascii=False)
        shell = shlex.quote(sentence) if re.search(r'["$`\\!]', sentence) else spoken
        return (
            f"```\nrnnzoo translate {name} {shell}\n```\n\n"
            f'```python\nimport rnnzoo\n\nmodel = rnnzoo.load("{name}")\nprint(model.translate({spoken})[0])\n```'
        )

    def samples(self, text: str, stored: str) -> str:
        """The first translations, beside what they were to be."""
        shown = sample_rows(text)[:SHOWN]
        if not shown:
            return ""
        known = any(reference for _, _, reference in shown)
        head = ["source", "translation", *(["reference"] if known else [])]
        rows = [head, ["---"] * len(head), *(list(row[: len(head)]) for row in shown)]
        before = "" if stored == "float32" or not known else f", made before the weights were rounded to {stored}"
        table = "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
        where = (
            "The first sentences of the part that was scored" if known else "Sentences that were written for this card"
        )
        return f"## What it translates\n\n{where}, not chosen{before}:\n\n{table}"

    def score(self, metrics: Mapping[str, Any], unit: str) -> str:
        """All figures of each part, and how they were measured."""
        scores = metrics["scores"]
        keys = [key for key in _FIGURES if any(key in one for one in scores.values())]
        head = ["part", "sentences", *(_FIGURES[key] for key in keys), "nats per token", "perplexity"]
        rows = [head, ["---"] * len(head)]
        for split, one in scores.items():
            figures = (f"{one[key]['score']:.2f}" if key in one else "" for key in keys)
            rows.append([split, f"{one['sentences']:,}", *figures, f"{one['nll']:.4f}", f"{one['ppl']:.3f}"])
        main = scores[metrics["split"]]
        signatures = (f"{_FIGURES[key].split(',')[0]}: `{main[key]['signature']}`" for key in keys if key in main)
        table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
        by_length = "; ".join(
            f"{words(row)} {row['score']:.2f} ({row['sentences']:,})" for row in main.get("bleu_by_length", ())
        )
        lengths = (
            f"\n\nBLEU by the source's length in words ({metrics['split']}, sentences in brackets): {by_length}."
            if by_length
            else ""
        )
        return (
            f"{table}{lengths}\n\nMeasured with the stored weights on text as people write it, by {searched(metrics)}, "
            f"with sacreBLEU ({'; '.join(signatures)}). Nats per token are those of the references, under teacher "
            "forcing."
        )

    def limits(self) -> str:
        """It knows one kind of sentence."""
        return (
            "It knows the words and the kind of sentence of that text, and no others: elsewhere it leaves out, repeats "
            "or invents, without saying so. Where the source leaves open who is meant, it takes what was frequent "
            "there: a doctor may become a man, a nurse a woman. For text that matters a large pretrained translator is "
            "the better choice; this one is for study and as a baseline."
        )


CARD = TranslatorCard()


def _half(stack: Mapping[str, Any]) -> str:
    cells = [cell["name"] for cell in stack.get("cells") or [stack.get("cell") or {"name": "recurrent"}]]
    layers = len(stack.get("cells") or []) or stack.get("num_layers", 1)
    return f"{layers} x {'/'.join(dict.fromkeys(cells))} of {stack['hidden_size']}"


def words(row: Mapping[str, Any]) -> str:
    """The lengths of a row of BLEU by length."""
    return f"{row['min']} or more" if row["max"] is None else f"{row['min']} to {row['max']}"


def searched(metrics: Mapping[str, Any]) -> str:
    """How the translations were found that were scored."""
    search = metrics.get("search", {})
    beam, penalty = search.get("beam", 5), search.get("length_penalty", "average")
    if beam == 1:
        return "greedy search"
    length = "no length penalty" if penalty == "none" else f"length penalty {penalty} {search.get('alpha', 1.0):g}"
    return f"a beam of {beam} with {length}"


def sample_rows(text: str) -> list[tuple[str, str, str]]:
    """Source, translation and reference of each block of a samples.txt; only the source is not indented."""
    blocks: list[list[str]] = []
    for line in text.split("\n"):
        if line and not line.startswith(" "):
            blocks.append([line])
        elif line and blocks:
            blocks[-1].append(line.strip())
    rows = ((*block, "", "")[:3] for block in blocks)
    return [
        (source, translation, reference.removeprefix("(").removesuffix(")")) for source, translation, reference in rows
    ]
