"""From a finished run to a zoo entry: scored again, stored, described, hashed."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save

from rnnzoo.data.cache import encoded
from rnnzoo.data.corpora import Corpus
from rnnzoo.errors import UserError
from rnnzoo.files import sha256_file, write_durably, write_json, write_text
from rnnzoo.models import LanguageModel
from rnnzoo.zoo.card import write_card
from rnnzoo.zoo.folder import SCHEMA, WEIGHED, load_folder, read_config, read_metrics
from rnnzoo.zoo.golden import write_golden
from rnnzoo.zoo.guard import ENTRY, ENTRY_FILES, check_listed
from rnnzoo.zoo.load import find_model
from rnnzoo.zoo.measure import cold_windows, measure
from rnnzoo.zoo.private import check_private
from rnnzoo.zoo.recipes import parse_yaml
from rnnzoo.zoo.score import entry_corpus

__all__ = ["SCORE_TOLERANCE", "make_entry", "shareable_recipe", "write_listing"]

SCORE_TOLERANCE = 1e-4
"""Nats per token that a score may differ from the one on record: the last digit that is printed."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\.[a-z0-9]+(-[a-z0-9]+)*")


def make_entry(
    run: str | os.PathLike[str],
    name: str,
    root: str | os.PathLike[str] = "pretrained",
    *,
    float16: Literal["auto", "no"] = "auto",
    files: Sequence[str] | None = None,
    force: bool = False,
) -> Path:
    """Completes a finished run into ``root/name``, built beside it and moved there as a whole.

    Args:
        run: the run's folder. name: ``architecture.tag``, the name of its recipe.
        root: the folder of entries.
        float16: ``"auto"`` stores half precision where no figure moves by as much as its last printed digit.
        files: where own text files now are.
        force: replaces an entry that is there.

    Raises:
        UserError: the score on record is not the measured one, the text is not there, or an entry is.
    """
    source, target = find_model(run), Path(root) / name
    if not _NAME.fullmatch(name):
        raise UserError(f"{name!r} is not ARCHITECTURE.TAG, such as char-lstm.tinyshakespeare")
    metrics, config = read_metrics(source), read_config(source)
    if metrics.get("recipe") != name:
        raise UserError(f"the run is of the recipe {metrics.get('recipe')!r}; its entry has that name", path=source)
    in_place = target.is_dir() and target.resolve() == source.resolve() and not (target / ENTRY).exists()
    if target.exists() and not (force or in_place):
        raise UserError("is there already; --force replaces it", path=target)
    model = load_folder(source)
    corpus = entry_corpus(config.get("data", {}), files)
    if corpus.name == "pydocs":
        raise UserError("pydocs is another text in each version of Python, so nobody could measure the score again")
    if corpus.sha256 != metrics.get("corpus", {}).get("sha256"):
        raise UserError(f"this is not the text the model was trained on ({corpus.name} has another sha256)")
    scores = _scores(model, corpus, metrics, config)
    _compare(scores, metrics["scores"], source)
    stored = torch.float32
    if float16 == "auto":
        half = _rounded(model)
        if half is not None and _same_to_readers(again := _scores(half, corpus, metrics, config), scores):
            model, scores, stored = half, again, torch.float16
    Path(root).mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=root))
    try:
        _fill(building, source, model, stored, metrics, scores)
        os.chmod(building, 0o777 & ~_umask())
        _replace(building, target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return target


def _fill(
    building: Path, source: Path, model: LanguageModel, stored: torch.dtype, metrics: dict[str, Any], scores: Any
) -> None:
    for name in ("config.json", "tokenizer.json", "samples.txt", "curve.png"):
        if (source / name).is_file():
            shutil.copyfile(source / name, building / name)
    if (source / "recipe.yaml").is_file():
        write_text(building / "recipe.yaml", shareable_recipe(source / "recipe.yaml"))
    weights, seen = {}, set()
    for name, tensor in model.state_dict().items():  # tied weights once, as in `save_folder`
        if tensor.data_ptr() not in seen or tensor.numel() == 0:
            seen.add(tensor.data_ptr())
            weights[name] = tensor.to(stored).contiguous()
    data = save(weights, {"format": "pt"})
    write_durably(building / "model.safetensors", lambda file: file.write(data))
    hashes = {name: sha256_file(building / name) for name in WEIGHED}
    main = scores[metrics["split"]]
    kind = str(stored).removeprefix("torch.")
    new = {**metrics, **main, "scores": scores, "stored_dtype": kind, "schema": SCHEMA, "files": hashes}
    write_json(building / "metrics.json", new)
    model = load_folder(building)
    write_golden(model, building)
    write_card(building)
    check_private(building, source)
    write_listing(building)
    check_listed(building)
    load_folder(building)


def write_listing(folder: Path) -> None:
    """Writes entry.json: size and sha256 of every other file of the entry in `folder`."""
    names = sorted(name for name in ENTRY_FILES if (folder / name).is_file())
    files = {name: {"size": (folder / name).stat().st_size, "sha256": sha256_file(folder / name)} for name in names}
    write_json(folder / ENTRY, {"schema": 1, "files": files})


def _scores(model: LanguageModel, corpus: Corpus, metrics: Mapping[str, Any], config: Mapping[str, Any]) -> Any:
    """The scores on record, measured again; the same splits and windows."""
    result = {}
    for split, record in metrics.get("scores", {}).items():
        if split not in corpus.splits:
            raise UserError(f"{corpus.name}: has no part {split!r}")
        ids = encoded(corpus.splits[split], model.tokenizer)
        carried = measure(model, ids, config.get("data", {}).get("eval_streams", 1), what=corpus.name)
        figures: dict[str, Any] = {
            "nll": carried.nll,
            "ppl": carried.ppl,
            "bits": carried.bits_per_token,
            "tokens": carried.tokens,
        }
        if length := record.get("cold_window", {}).get("length"):
            cold = cold_windows(model, ids, length)
            figures |= {"cold_window": {"length": length, "nll": cold.nll, "bits": cold.bits_per_token}}
        result[split] = figures
    if metrics.get("split") not in result:
        raise UserError("there is no score on record: metrics.json has no 'scores' with its 'split'")
    return result


def _compare(scores: Mapping[str, Any], recorded: Mapping[str, Any], source: Path) -> None:
    for split, figures in scores.items():
        for there, here in ((recorded[split], figures), *_cold(recorded[split], figures)):
            if not abs(there["nll"] - here["nll"]) <= SCORE_TOLERANCE:
                message = f"{split}: {there['nll']:.4f} nats are on record, but {here['nll']:.4f} were measured"
                raise UserError(message, path=source)


def _cold(record: Mapping[str, Any], figures: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    return [(record["cold_window"], figures["cold_window"])] if "cold_window" in figures else []


def _same_to_readers(scores: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Whether all figures differ by less than the last digit that is printed of them."""

    def figures(of: Mapping[str, Any]) -> list[float]:
        parts = [part for figures in of.values() for part in (figures, figures.get("cold_window", {}))]
        return [part[key] for part in parts for key in ("nll", "bits") if key in part]

    return all(abs(a - b) < SCORE_TOLERANCE for a, b in zip(figures(scores), figures(others), strict=True))


def _rounded(model: LanguageModel) -> LanguageModel | None:
    """A copy with each weight rounded to half precision; None where one does not fit."""
    copy = model.config.build(model.tokenizer).eval()
    copy.load_state_dict(model.state_dict())
    with torch.no_grad():
        for weight in copy.parameters():
            weight.copy_(weight.half())
    return copy if all(bool(weight.isfinite().all()) for weight in copy.parameters()) else None


def shareable_recipe(path: Path) -> str:
    """The recipe without the folders of own text files."""
    import yaml

    text = path.read_text(encoding="utf-8")
    data = parse_yaml(text, path)
    own = data.get("data", {}).get("files") if isinstance(data, dict) else None
    if not own:
        return text
    data["data"]["files"] = [Path(str(file)).name for file in own]
    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def _replace(building: Path, target: Path) -> None:
    """Gives the finished folder its name; what had it is put back if that fails."""
    if not target.exists():
        building.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent)) / target.name
    target.rename(old)
    try:
        building.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old.parent, ignore_errors=True)
