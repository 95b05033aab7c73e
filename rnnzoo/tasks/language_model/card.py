"""What a language model's card says that no other's does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from rnnzoo.zoo.origin import trained_on

__all__ = ["CARD", "LanguageModelCard"]


class LanguageModelCard:
    """See `rnnzoo.zoo.kinds.base.CardParts`."""

    tasks: Mapping[str, tuple[str, ...]] = MappingProxyType({"char_lm": ("bits", "ppl"), "word_lm": ("ppl", "bits")})
    tags: tuple[str, ...] = ("language-model",)
    pipeline, name = "text-generation", "Language modelling"
    published: tuple[str, ...] = ("ppl", "bits")
    counted = "tokens"

    def languages(self, metrics: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
        """Those of the corpus."""
        entry = trained_on(metrics, config)
        return [] if entry is None else list(entry.languages)

    def what(self, metrics: Mapping[str, Any], config: Mapping[str, Any], unit: str) -> str:
        """Layers and cell."""
        backbone = config["model"]["backbone"]
        layers, cells = len(backbone.get("cells") or []) or backbone.get("num_layers", 1), metrics.get("cell")
        return f"A {unit}-level language model: {layers} x {cells or 'recurrent'} of {backbone['hidden_size']}"

    def vocabulary(self, metrics: Mapping[str, Any], config: Mapping[str, Any], unit: str) -> str:
        """Its tokens."""
        return f" over {metrics['vocab_size']:,} {unit}s" if "vocab_size" in metrics else ""

    def usage(self, name: str, samples: str) -> str:
        """A text."""
        use = "model.generate(max_new_tokens=300, temperature=0.8, seed=1)[0]"
        return f'```python\nimport rnnzoo\n\nmodel = rnnzoo.load("{name}")\nprint({use})\n```'

    def samples(self, text: str, stored: str) -> str:
        """The beginning of what it wrote at temperature 0.8."""
        parts = re.split(r"^--- (temperature [\d.]+, seed -?\d+)\n", text, flags=re.MULTILINE)
        found = {head: body for head, body in zip(parts[1::2], parts[2::2], strict=True)}
        head = next((h for h in found if h.startswith("temperature 0.8,")), None)
        if head is None:
            return ""
        lines = "\n".join(f"    {line}".rstrip() for line in found[head].rstrip("\n")[:600].split("\n"))
        before = "" if stored == "float32" else f", written before the weights were rounded to {stored}"
        return f"## What it writes\n\nThe first 600 characters at {head}, not chosen{before}:\n\n{lines}"

    def score(self, metrics: Mapping[str, Any], unit: str) -> str:
        """Nats, bits and perplexity of each part, and how it was read."""
        scores, streams = metrics["scores"], metrics["eval_streams"]
        lines = [f"| part | nats per {unit} | bits per {unit} | perplexity | {unit}s |", "|---|---|---|---|---|"]
        for split, one in scores.items():
            name = f"{split}, carried state"
            lines.append(f"| {name} | {one['nll']:.4f} | {one['bits']:.4f} | {one['ppl']:.3f} | {one['tokens']:,} |")
            if cold := one.get("cold_window"):
                window = f"{split}, cold windows of {cold['length']}"
                lines.append(f"| {window} | {cold['nll']:.4f} | {cold['bits']:.4f} | | {one['tokens']:,} |")
        cold_too = any("cold_window" in one for one in scores.values())
        return "\n".join(lines) + (
            f"\n\nMeasured with the stored weights. Carried state: the part is read as {streams} parallel "
            f"stream{'s' if streams != 1 else ''}, each from its beginning to its end with its state carried along."
            + (" Cold windows: the part is cut into windows that each start without a past." if cold_too else "")
            + _calibrated(metrics)
        )

    def limits(self) -> str:
        """It tells no truth, and has the views of what it read."""
        return (
            "It knows nothing but the style of that text: what it says is not true, and it repeats what is offensive "
            "there. It has the views of that text and of its time, of women, peoples and faiths among others, and "
            "writes them as its own. It is made for study and as a baseline, not as an assistant."
        )


CARD = LanguageModelCard()


def _calibrated(metrics: Mapping[str, Any]) -> str:
    found = metrics.get("calibration")
    if not isinstance(found, Mapping):
        return ""
    crossed = found["crossed"]
    return (
        f" Calibrated: the logits are divided by {found['temperature']:g}, with which the validation part is predicted "
        f"best (temperature scaling, Guo et al. 2017); without that it was {found['before']:.4f} nats there"
        + ("." if crossed is None else f", and {crossed:.4f} with each half's temperature fitted on the other half.")
    )
