"""The model card of an entry, written from its other files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from rnnzoo.data.catalogue import CATALOGUE
from rnnzoo.data.corpora import OWN_LICENCE
from rnnzoo.files import write_text
from rnnzoo.zoo.figures import figures, unit_of
from rnnzoo.zoo.folder import read_config, read_metrics

__all__ = ["card", "write_card"]

HUB_IDS = {"tinyshakespeare": "karpathy/tiny_shakespeare", "wikitext-2": "Salesforce/wikitext"}


def write_card(folder: Path) -> None:
    """Writes README.md."""
    write_text(folder / "README.md", card(folder))


def card(folder: Path, repo: str | None = None) -> str:
    """The card of the entry in `folder`: the same text for the same files.

    Args:
        folder: its files. repo: where it is published, if its name is not one of the zoo.
    """
    metrics, config = read_metrics(folder), read_config(folder)
    name, unit = str(metrics.get("recipe") or repo or folder.name), unit_of(config)
    corpus = str(_part(metrics, "corpus").get("name") or "a text that is not on record")
    entry = CATALOGUE.get(corpus)
    return (
        f"---\n{_header(metrics, config, name, corpus, unit, entry is None or entry.research_only)}\n---\n\n"
        + "\n\n".join(
            part
            for part in (
                f"# {name}",
                _what(metrics, config, corpus, unit),
                _usage(repo or name, str(config["task"])),
                _sample(folder, str(metrics.get("stored_dtype", "float32"))),
                "## Score\n\n" + _score(metrics, unit),
                _again(repo or name, corpus, entry is not None) if metrics.get("scores") else "",
                "## Training\n\n" + _training(metrics) if metrics.get("training") else "",
                "![Training and validation loss](curve.png)" if (folder / "curve.png").is_file() else "",
                "## Training data, licence and limits\n\n" + _limits(metrics, corpus),
            )
            if part
        )
        + "\n"
    )


def _part(metrics: dict[str, Any], key: str) -> dict[str, Any]:
    value = metrics.get(key)
    return value if isinstance(value, dict) else {}


def _header(
    metrics: dict[str, Any], config: dict[str, Any], name: str, corpus: str, unit: str, restricted: bool
) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    translates = config["task"] == "translator"
    kind = "translation" if translates else "text-generation"
    common: dict[str, Any] = {
        "task_type": kind,
        "task_name": "Translation" if translates else "Language modelling",
        "dataset_type": HUB_IDS.get(corpus, corpus),
        "dataset_name": corpus,
        "dataset_split": metrics.get("split"),
    }
    found = figures(metrics, unit)
    shown = [found[key] for key in (("bleu", "chrf") if translates else ("ppl", "bits")) if key in found]
    cells = str(metrics["cell"]).split("/") if metrics.get("cell") else []
    data = ModelCardData(
        license="other" if restricted else "apache-2.0",
        license_name="see-training-data" if restricted else None,
        library_name="rnnzoo",
        pipeline_tag=kind,
        tags=[
            "rnnzoo",
            "pytorch",
            "recurrent-neural-network",
            "translation" if translates else "language-model",
            *cells,
        ],
        datasets=[HUB_IDS[corpus]] if corpus in HUB_IDS else None,
        model_name=name if shown else None,
        eval_results=[
            EvalResult(metric_type=one.metric, metric_name=one.name, metric_value=round(one.value, 4), **common)
            for one in shown
        ]
        or None,
    )
    return str(data.to_yaml())


def _what(metrics: dict[str, Any], config: dict[str, Any], corpus: str, unit: str) -> str:
    if config["task"] == "translator":
        kind = f"An encoder-decoder translator with {metrics.get('cell')} cells"
    else:
        backbone = config["model"]["backbone"]
        layers, cells = len(backbone.get("cells") or []) or backbone.get("num_layers", 1), metrics.get("cell")
        kind = f"A {unit}-level language model: {layers} x {cells or 'recurrent'} of {backbone['hidden_size']}"
    size = f", {metrics['parameters']:,} parameters" if "parameters" in metrics else ""
    vocabulary = f" over {metrics['vocab_size']:,} {unit}s" if "vocab_size" in metrics else ""
    return (
        f"{kind}{size}{vocabulary}, trained on {corpus} with rnnzoo. Weights are stored in "
        f"{metrics.get('stored_dtype', 'float32')} and loaded in float32."
    )


def _usage(name: str, task: str) -> str:
    use = "model.generate(max_new_tokens=300, temperature=0.8, seed=1)[0]"
    if task == "translator":
        use = 'model.translate("A man is riding a bicycle.")'
    return f'```python\nimport rnnzoo\n\nmodel = rnnzoo.load("{name}")\nprint({use})\n```'


def _again(name: str, corpus: str, open_text: bool) -> str:
    if not open_text:
        return f"To check it: `rnnzoo verify {name}`; the score needs the text, which is not published."
    return (
        f"To measure it again on your own machine: `rnnzoo data get {corpus}`, then `rnnzoo verify {name}`. It "
        "compares every file's sha256, the logits in golden.safetensors, and the score."
    )


def _sample(folder: Path, stored: str) -> str:
    path = folder / "samples.txt"
    if not path.is_file():
        return ""
    text = path.read_text(encoding="utf-8")
    parts = re.split(r"^--- (temperature [\d.]+, seed -?\d+)\n", text, flags=re.MULTILINE)
    found = {head: body for head, body in zip(parts[1::2], parts[2::2], strict=True)}
    head = next((h for h in found if h.startswith("temperature 0.8,")), None)
    if head is None:
        return ""
    lines = "\n".join(f"    {line}".rstrip() for line in found[head].rstrip("\n")[:600].split("\n"))
    before = "" if stored == "float32" else f", written before the weights were rounded to {stored}"
    return f"## What it writes\n\nThe first 600 characters at {head}, not chosen{before}:\n\n{lines}"


def _score(metrics: dict[str, Any], unit: str) -> str:
    scores = _part(metrics, "scores")
    if not scores:
        return "No score was measured."
    if any("bleu" in one for one in scores.values()):
        return _translation_score(metrics)
    streams = metrics["eval_streams"]
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
        f"stream{'s' if streams != 1 else ''}, each from its beginning to its end with its state carried along. "
        + ("Cold windows: the part is cut into windows that each start without a past. " if cold_too else "")
        + _text(metrics)
    )


def _translation_score(metrics: dict[str, Any]) -> str:
    lines, signatures = ["| part | BLEU | chrF |", "|---|---|---|"], []
    for split in metrics["scores"]:
        found = figures({"scores": metrics["scores"], "split": split})
        lines.append(f"| {split} | {found.get('bleu', '')} | {found.get('chrf', '')} |")
    for key in ("bleu", "chrf"):
        value = metrics["scores"][metrics["split"]].get(key)
        if isinstance(value, dict) and value.get("signature"):
            signatures.append(f"`{value['signature']}`")
    measured = f"Measured with the stored weights and sacreBLEU ({', '.join(signatures) or 'its defaults'}). "
    return "\n".join(lines) + "\n\n" + measured + _text(metrics)


def _text(metrics: dict[str, Any]) -> str:
    corpus = metrics["corpus"]
    return f"Split: {corpus['split_rule']}. sha256 of the text: `{corpus['sha256']}`."


def _training(metrics: dict[str, Any]) -> str:
    run, machine = metrics["training"], metrics["hardware"]
    place = f"{machine['devices']} x {machine['device']} ({machine['name']})"
    return (
        f"{run['epochs']} epochs, {run['steps']:,} steps, {run['tokens']:,} tokens in {run['seconds'] / 60:.0f} "
        f"minutes on {place} with torch {machine['torch']}, {run['tokens_per_second']:,.0f} tokens per second, seed "
        f"{metrics['seed']}. The recipe is in recipe.yaml: `rnnzoo train {metrics['recipe']}` trains it again."
    )


def _limits(metrics: dict[str, Any], corpus: str) -> str:
    entry = CATALOGUE.get(corpus)
    lines = [f"Trained on {corpus}: {entry.licence if entry else 'own text, licence ' + OWN_LICENCE}."]
    if entry is not None and entry.research_only:
        lines.insert(0, "**FOR RESEARCH ONLY. The training text is not open; this model is not for commercial use.**")
    if entry is not None and entry.note:
        lines.append(f"The text: {entry.note}.")
    lines.append(
        "It knows nothing but the style of that text: what it says is not true, and it repeats what is offensive "
        "there. It is made for study and as a baseline, not as an assistant."
    )
    sample = _part(metrics, "sample")
    if "new_words" in sample:
        lines.append(
            f"Of {sample['words']} words it wrote at temperature {sample['temperature']}, {sample['new_words']} "
            f"({100 * sample['new_share']:.0f}%) are not in its training text."
        )
    return " ".join(lines)
