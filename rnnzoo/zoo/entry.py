"""From a finished run to a zoo entry: scored again, stored, described, hashed."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from rnnzoo.destinations import check_folder_destination
from rnnzoo.errors import UserError
from rnnzoo.files import read_utf8, sha256_file, write_json, write_text
from rnnzoo.shapes import Tensor
from rnnzoo.zoo.card import write_card
from rnnzoo.zoo.finding import find_model
from rnnzoo.zoo.folder import load_folder, save_weights, weighed
from rnnzoo.zoo.golden import write_golden
from rnnzoo.zoo.guard import check_listed
from rnnzoo.zoo.kinds import Compared, Model, Text, kind_of, kind_of_task, kinds, value_at
from rnnzoo.zoo.layout import ENTRY, ENTRY_FILES, SCHEMA, TOKENIZERS
from rnnzoo.zoo.origin import trained_on
from rnnzoo.zoo.own_text import kept_text
from rnnzoo.zoo.private import check_private
from rnnzoo.zoo.recipes import parse_yaml
from rnnzoo.zoo.records import read_config, read_metrics
from rnnzoo.zoo.weights import Stored, pack, unpack, weights_of

__all__ = ["make_entry", "shareable_recipe", "write_listing", "write_samples"]

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\.[a-z0-9]+(-[a-z0-9]+)*")


def make_entry(
    run: str | os.PathLike[str],
    name: str,
    root: str | os.PathLike[str] = "pretrained",
    *,
    store: Literal["auto", "float32", "float16", "int8"] = "auto",
    files: Sequence[str] | None = None,
    force: bool = False,
) -> Path:
    """Completes a finished run into ``root/name``, built beside it and moved there as a whole.

    Args:
        run: the run's folder. name: ``architecture.tag``, the name of its recipe.
        root: the folder of entries.
        store: what the weights are stored in; the scores are those of the stored weights. ``"auto"``: half precision
            where no figure moves by as much as its last printed digit, else float32.
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
    check_folder_destination(target.parent)
    model = load_folder(source)
    corpus = kind_of(model).corpus(config.get("data", {}), files or kept_text(source))
    if corpus.name == "pydocs":
        raise UserError("pydocs is another text in each version of Python, so nobody could measure the score again")
    if corpus.sha256 != metrics.get("corpus", {}).get("sha256"):
        raise UserError(f"this is not the text the model was trained on ({corpus.name} has another sha256)")
    scores = _scores(model, corpus, metrics, config)
    for split, one, there, here in _compared(model, metrics["scores"], scores):
        if not abs(there - here) <= one.tolerance:
            message = f"{split}: {one.said(there)} are on record, but {here:.{one.digits}f} were measured"
            raise UserError(message, path=source)
    stored, packed = _stored(model, source, store)
    if stored != "float32":
        smaller = _with_weights(model, packed)
        again = _scores(smaller, corpus, metrics, config)
        if store != "auto" or all(abs(a - b) < one.tolerance for _, one, a, b in _compared(model, scores, again)):
            scores = again
        else:
            stored, packed = _stored(model, source, "float32")
    Path(root).mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=root))
    try:
        _fill(building, source, packed, {**metrics, "stored_dtype": stored}, scores)
        os.chmod(building, 0o777 & ~_umask())
        _replace(building, target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return target


def _fill(building: Path, source: Path, packed: Mapping[str, Tensor], metrics: dict[str, Any], scores: Any) -> None:
    for name in ("config.json", *TOKENIZERS, "curve.png", "confusion.png"):
        if (source / name).is_file():
            shutil.copyfile(source / name, building / name)
    if (source / "recipe.yaml").is_file():
        write_text(building / "recipe.yaml", shareable_recipe(source / "recipe.yaml"))
    save_weights(building, packed)
    kind = kind_of_task(read_config(source)["task"])
    hashes = {name: sha256_file(building / name) for name in weighed(building, kind)}
    new = {**metrics, **scores[metrics["split"]], "scores": scores, "schema": SCHEMA, "files": hashes}
    write_json(building / "metrics.json", new)
    model = load_folder(building)
    write_samples(model, source, building)
    write_golden(model, building)
    write_card(building)
    check_private(building, source)
    write_listing(building)
    check_listed(building)
    load_folder(building)


def write_samples(model: Model, source: Path, folder: Path) -> None:
    """Writes samples.txt into `folder`: that of the run `source`, but for what of it must not be published.

    The samples of a translator quote its corpus.
    """
    metrics, config = read_metrics(source), read_config(source)
    corpus = trained_on(metrics, config)
    own = kind_of(model).own_samples(model, metrics, config) if corpus is not None and corpus.research_only else None
    if own:
        write_text(folder / "samples.txt", own)
    elif own is None and (source / "samples.txt").is_file():
        shutil.copyfile(source / "samples.txt", folder / "samples.txt")


def write_listing(folder: Path) -> None:
    """Writes entry.json: size and sha256 of every other file of the entry in `folder`."""
    names = sorted(name for name in ENTRY_FILES if (folder / name).is_file())
    files = {name: {"size": (folder / name).stat().st_size, "sha256": sha256_file(folder / name)} for name in names}
    write_json(folder / ENTRY, {"schema": 1, "files": files})


def _scores(model: Model, corpus: Text, metrics: Mapping[str, Any], config: Mapping[str, Any]) -> Any:
    """The scores on record, measured again; the same splits and ways."""
    result, kind, data = {}, kind_of(model), config.get("data", {})
    for split in metrics.get("scores", {}):
        if split not in corpus.splits:
            raise UserError(f"{corpus.name}: has no part {split!r}")
        result[split] = kind.measure(model, corpus, split, data, metrics, beside=True)
    if metrics.get("split") not in result:
        raise UserError("there is no score on record: metrics.json has no 'scores' with its 'split'")
    return result


def _compared(model: Model, recorded: Any, scores: Mapping[str, Any]) -> Iterator[tuple[str, Compared, float, float]]:
    """Split, figure, and its two values, for all figures that two measurements must agree on."""
    for split, figures in scores.items():
        for one in kind_of(model).compared:
            here = value_at(figures, one.key)
            if here is not None:
                there = value_at(recorded[split], one.key)
                yield split, one, float("nan") if there is None else there, here


def _stored(model: Model, source: Path, store: str) -> tuple[Stored, dict[str, Tensor]]:
    """What the weights are to be stored in, and the tensors to store."""
    weights = weights_of(model)
    try:
        if store == "int8":
            return "int8", pack(weights, "int8")
        if store != "float32":
            return "float16", pack(weights, "float16")
    except ValueError as error:
        if store != "auto":
            raise UserError(f"cannot be stored in {store}: {error}", path=source) from None
    return "float32", pack(weights, "float32")


def _with_weights(model: Model, packed: Mapping[str, Tensor]) -> Model:
    """A copy with the weights that loading `packed` gives."""
    kind = kind_of(model)
    copy: Model = kind.build(model.config, kind.tokenizers_of(model)).eval()
    own = copy.state_dict()
    with torch.no_grad():
        for name, tensor in unpack(packed).items():
            own[name].copy_(tensor)
    return copy


def shareable_recipe(path: Path) -> str:
    """The recipe without the folders of own text files, and of the run that it goes on from; it may be of any task."""
    import yaml

    text = read_utf8(path)
    data = parse_yaml(text, path)
    section = data.get("data") if isinstance(data, dict) else None
    kind = next((kind for kind in kinds() if isinstance(data, dict) and data.get("task") in kind.tasks), None)
    named = kind.shareable(section) if kind is not None and isinstance(section, dict) else {}
    sections: list[tuple[Any, str]] = [(data, "init_from")]
    sections += [(data.get("encoder"), "source")] if isinstance(data, dict) else []
    models = [(section, key) for section, key in sections if _elsewhere(section, key)]
    if not named and not models:
        return text
    if named:
        data["data"] |= named
    for section, key in models:
        section[key] = "/".join(("runs", *Path(section[key]).parts[-2:]))
    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))


def _elsewhere(section: Any, key: str) -> bool:
    """Whether a section names the folder of a run."""
    named = section.get(key) if isinstance(section, dict) else None
    return isinstance(named, str) and Path(named).expanduser().is_absolute()


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
