"""The model card of an entry, written from its other files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from rnnzoo.data.catalogue import CATALOGUE
from rnnzoo.data.corpora import OWN_LICENCE
from rnnzoo.files import write_text
from rnnzoo.zoo.folder import read_config, read_metrics

__all__ = ["card", "write_card"]

HUB_IDS = {"tinyshakespeare": "karpathy/tiny_shakespeare", "wikitext-2": "Salesforce/wikitext"}


def write_card(folder: Path) -> None:
    """Writes README.md."""
    write_text(folder / "README.md", card(folder))


def card(folder: Path) -> str:
    """The card of the entry in `folder`: the same text for the same files."""
    metrics, config = read_metrics(folder), read_config(folder)
    name, unit = str(metrics["recipe"]), _unit(config)
    corpus = metrics["corpus"]["name"]
    entry = CATALOGUE.get(corpus)
    restricted = entry is None or entry.research_only
    return (
        f"---\n{_header(metrics, corpus, unit, restricted)}\n---\n\n"
        + "\n\n".join(
            part
            for part in (
                f"# {name}",
                _what(metrics, config, unit),
                _usage(name),
                _needs(config),
                _sample(folder, str(metrics.get("stored_dtype", "float32"))),
                "## Score\n\n" + _score(metrics, unit),
                f"To measure it again on your own machine: `rnnzoo data get {corpus}`, then `rnnzoo verify {name}`. It "
                "compares every file's sha256, the logits in golden.safetensors, and the score."
                if entry is not None
                else f"To check it: `rnnzoo verify {name}`; the score needs the text, which is not published.",
                "## Training\n\n" + _training(metrics),
                "![Training and validation loss](curve.png)" if (folder / "curve.png").is_file() else "",
                "## Training data, licence and limits\n\n" + _limits(metrics, corpus),
            )
            if part
        )
        + "\n"
    )


def _unit(config: dict[str, Any]) -> str:
    kind = config.get("data", {}).get("tokenizer", {}).get("name", "char")
    return {"char": "character", "byte": "byte"}.get(kind, "token")


def _header(metrics: dict[str, Any], corpus: str, unit: str, restricted: bool) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    common: dict[str, Any] = {
        "task_type": "text-generation",
        "task_name": "Language modelling",
        "dataset_type": HUB_IDS.get(corpus, corpus),
        "dataset_name": corpus,
        "dataset_split": metrics["split"],
    }
    figures = (("perplexity", f"perplexity per {unit}", "ppl"), ("bits", f"bits per {unit}", "bits"))
    data = ModelCardData(
        license="other" if restricted else "apache-2.0",
        license_name="see-training-data" if restricted else None,
        library_name="rnnzoo",
        pipeline_tag="text-generation",
        tags=["rnnzoo", "pytorch", "recurrent-neural-network", "language-model", *metrics["cell"].split("/")],
        datasets=[HUB_IDS[corpus]] if corpus in HUB_IDS else None,
        model_name=metrics["recipe"],
        eval_results=[
            EvalResult(metric_type=kind, metric_name=title, metric_value=round(metrics[key], 4), **common)
            for kind, title, key in figures
        ],
    )
    return str(data.to_yaml())


def _what(metrics: dict[str, Any], config: dict[str, Any], unit: str) -> str:
    backbone = config["model"]["backbone"]
    layers = len(backbone.get("cells") or []) or backbone.get("num_layers", 1)
    return (
        f"A {unit}-level language model: {layers} x {metrics['cell']} of {backbone['hidden_size']}, "
        f"{metrics['parameters']:,} parameters over {metrics['vocab_size']:,} {unit}s, trained on "
        f"{metrics['corpus']['name']} with rnnzoo. Weights are stored in {metrics.get('stored_dtype', 'float32')} and "
        "loaded in float32."
    )


def _usage(name: str) -> str:
    return (
        "```python\nimport rnnzoo\n\n"
        f'model = rnnzoo.load("{name}")\nprint(model.generate(max_new_tokens=300, temperature=0.8, seed=1)[0])\n```'
    )


def _needs(config: dict[str, Any]) -> str:
    """The cells that whoever loads it has to have."""
    plugins = config.get("plugins", {})
    places = [f"`{name}` ({' '.join(source.values())})" for name, source in plugins.items()]
    return f"It needs cells that are not part of rnnzoo: {', '.join(places)}; import them first." if places else ""


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
    streams = metrics["eval_streams"]
    lines = [f"| part | nats per {unit} | bits per {unit} | perplexity | {unit}s |", "|---|---|---|---|---|"]
    for split, figures in metrics["scores"].items():
        name = f"{split}, carried state"
        lines.append(
            f"| {name} | {figures['nll']:.4f} | {figures['bits']:.4f} | {figures['ppl']:.3f} | {figures['tokens']:,} |"
        )
        if cold := figures.get("cold_window"):
            window = f"{split}, cold windows of {cold['length']}"
            lines.append(f"| {window} | {cold['nll']:.4f} | {cold['bits']:.4f} | | {figures['tokens']:,} |")
    return "\n".join(lines) + (
        f"\n\nMeasured with the stored weights. Carried state: the part is read as {streams} parallel "
        f"stream{'s' if streams != 1 else ''}, each from its beginning to its end with its state carried along. Cold "
        "windows: the part is cut into windows that each start without a past. Split: "
        f"{metrics['corpus']['split_rule']}. sha256 of the text: `{metrics['corpus']['sha256']}`."
    )


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
    sample = metrics.get("sample")
    if sample:
        lines.append(
            f"Of {sample['words']} words it wrote at temperature {sample['temperature']}, {sample['new_words']} "
            f"({100 * sample['new_share']:.0f}%) are not in its training text."
        )
    return " ".join(lines)
