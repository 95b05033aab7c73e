"""The model card of an entry, written from its other files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rnnzoo.data.sources import OWN_LICENCE, CorpusEntry
from rnnzoo.files import read_utf8, write_text
from rnnzoo.zoo.figures import figures, unit_of
from rnnzoo.zoo.footprint import GRAMS_PER_KWH, footprint
from rnnzoo.zoo.kinds import kind_of_task
from rnnzoo.zoo.origin import trained_on
from rnnzoo.zoo.records import read_config, read_metrics
from rnnzoo.zoo.task_cards import CardParts

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
    entry = trained_on(metrics, config)
    corpus = corpus if entry is None else entry.name  # a corpus of pairs is called by its direction, too
    parts, path = kind_of_task(config["task"]).card, folder / "samples.txt"
    samples = read_utf8(path) if path.is_file() else ""
    return (
        f"---\n{_header(metrics, config, name, corpus, unit, entry)}\n---\n\n"
        + "\n\n".join(
            part
            for part in (
                f"# {name}",
                _what(parts, metrics, config, corpus, unit),
                parts.usage(repo or name, samples),
                _needs(config),
                parts.samples(samples, str(metrics.get("stored_dtype", "float32"))),
                "## Score\n\n" + _score(parts, metrics, unit),
                _again(repo or name, entry) if metrics.get("scores") else "",
                "## Training\n\n" + _training(metrics, parts.counted) if metrics.get("training") else "",
                "![Which labels it takes for which](confusion.png)" if (folder / "confusion.png").is_file() else "",
                "![Training and validation loss](curve.png)" if (folder / "curve.png").is_file() else "",
                "## Training data, licence and limits\n\n" + _limits(parts, metrics, corpus, entry),
            )
            if part
        )
        + "\n"
    )


def _part(metrics: dict[str, Any], key: str) -> dict[str, Any]:
    value = metrics.get(key)
    return value if isinstance(value, dict) else {}


def _header(
    metrics: dict[str, Any], config: dict[str, Any], name: str, corpus: str, unit: str, entry: CorpusEntry | None
) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    parts, restricted = kind_of_task(config["task"]).card, entry is None or entry.research_only
    common: dict[str, Any] = {
        "task_type": parts.pipeline,
        "task_name": parts.name,
        "dataset_type": HUB_IDS.get(corpus, corpus),
        "dataset_name": corpus,
        "dataset_split": metrics.get("split"),
    }
    found = figures(metrics, unit)
    shown = [found[key] for key in parts.published if key in found]
    cells = str(metrics["cell"]).split("/") if metrics.get("cell") else []
    data = ModelCardData(
        language=parts.languages(metrics, config) or None,
        license="other" if restricted else "apache-2.0",
        license_name="see-training-data" if restricted else None,
        library_name="rnnzoo",
        pipeline_tag=parts.pipeline,
        tags=["rnnzoo", "pytorch", "recurrent-neural-network", *parts.tags, *cells],
        datasets=[HUB_IDS[corpus]] if corpus in HUB_IDS else None,
        model_name=name if shown else None,
        eval_results=[
            EvalResult(metric_type=one.metric, metric_name=one.name, metric_value=round(one.value, 4), **common)
            for one in shown
        ]
        or None,
    )
    cost = footprint(metrics)
    if cost is not None:
        data.co2_eq_emissions = {  # type: ignore[attr-defined]
            "emissions": round(cost.grams, 1),
            "source": f"{cost.hours:.2f} hours at an assumed {cost.watts:.0f} W, {GRAMS_PER_KWH:.0f} g CO2 a kWh",
            "training_type": "fine-tuning" if metrics.get("init_from") else "pre-training",
        }
    return str(data.to_yaml())


def _what(parts: CardParts, metrics: dict[str, Any], config: dict[str, Any], corpus: str, unit: str) -> str:
    size = f", {metrics['parameters']:,} parameters" if "parameters" in metrics else ""
    return (
        f"{parts.what(metrics, config, unit)}{size}{parts.vocabulary(metrics, config, unit)}, trained on {corpus} with "
        f"rnnzoo. Weights are stored in {metrics.get('stored_dtype', 'float32')} and loaded in float32."
    )


def _again(name: str, entry: CorpusEntry | None) -> str:
    if entry is None:
        return f"To check it: `rnnzoo verify {name}`; the score needs the text, which is not published."
    return (
        f"To measure it again on your own machine: `rnnzoo data get {entry.name}`, then `rnnzoo verify {name}`. It "
        "compares every file's sha256, the logits in golden.safetensors, and the score."
    )


def _needs(config: dict[str, Any]) -> str:
    """The cells that whoever loads it has to have."""
    plugins = config.get("plugins", {})
    places = [f"`{name}` ({' '.join(source.values())})" for name, source in plugins.items()]
    return f"It needs cells that are not part of rnnzoo: {', '.join(places)}; import them first." if places else ""


def _score(parts: CardParts, metrics: dict[str, Any], unit: str) -> str:
    if not _part(metrics, "scores"):
        return "No score was measured."
    corpus = metrics["corpus"]
    text = f"Split: {corpus['split_rule']}. sha256 of the text: `{corpus['sha256']}`."
    return f"{parts.score(metrics, unit)} {text}"


def _training(metrics: dict[str, Any], counted: str) -> str:
    run, machine = metrics["training"], metrics["hardware"]
    place = f"{machine['devices']} x {machine['device']} ({machine['name']})"
    before = metrics.get("init_from")
    first = f"It goes on from `{before}`, whose training is not in these figures. " if isinstance(before, str) else ""
    return (
        f"{first}{run['epochs']} epochs, {run['steps']:,} steps, {run['tokens']:,} {counted} in "
        f"{run['seconds'] / 60:.0f} minutes on {place} with torch {machine['torch']}, "
        f"{run['tokens_per_second']:,.0f} {counted} per second, seed {metrics['seed']}. The recipe is in recipe.yaml: "
        f"`rnnzoo train {metrics['recipe']}` trains it again." + _air(metrics)
    )


def _air(metrics: dict[str, Any]) -> str:
    cost = footprint(metrics)
    return "" if cost is None else f" That is {cost}."


def _limits(parts: CardParts, metrics: dict[str, Any], corpus: str, entry: CorpusEntry | None) -> str:
    lines = [f"Trained on {corpus}: {entry.licence if entry else 'own text, licence ' + OWN_LICENCE}."]
    if entry is not None and entry.research_only:
        lines.insert(0, "**FOR RESEARCH ONLY. The training text is not open; this model is not for commercial use.**")
    if entry is not None and entry.note:
        lines.append(f"The text: {entry.note}.")
    lines.append(parts.limits())
    sample = _part(metrics, "sample")
    if "new_words" in sample:
        lines.append(
            f"Of {sample['words']} words it wrote at temperature {sample['temperature']}, {sample['new_words']} "
            f"({100 * sample['new_share']:.0f}%) are not in its training text."
        )
    return " ".join(lines)
