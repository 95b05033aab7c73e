"""Whether an entry is what it says: its files, its logits, its score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rnnzoo.errors import UserError
from rnnzoo.zoo.folder import load_folder
from rnnzoo.zoo.golden import GOLDEN, GOLDEN_TOLERANCE, golden_difference
from rnnzoo.zoo.kinds import Model, kind_of, value_at
from rnnzoo.zoo.layout import ENTRY
from rnnzoo.zoo.manifest import check_pinned
from rnnzoo.zoo.own_text import kept_text
from rnnzoo.zoo.plugins import changed_plugins
from rnnzoo.zoo.records import read_config
from rnnzoo.zoo.score import entry_corpus, score_entry

__all__ = ["Check", "verify"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: what it is, how it came out, and the figures or the reason."""

    what: Literal["manifest", "hashes", "plug-ins", "golden logits", "score"]
    result: Literal["ok", "failed", "not checked"]
    detail: str


def verify(name: str, folder: Path, *, quick: bool = False, files: Sequence[str] | None = None) -> list[Check]:
    """Checks the model in `folder`.

    Args:
        name: the zoo's name for it, or any other, which the manifest does not have.
        folder: an entry, or a finished run.
        quick: leaves out the score. files: where own text files now are.
    """
    checks = []
    try:
        pinned = check_pinned(name, folder)
        known = "entry.json is the one that the package vouches for" if pinned else "the manifest has no such entry"
        checks.append(Check("manifest", "ok" if pinned else "not checked", known))
        model = load_folder(folder)
    except UserError as error:
        what: Any = "hashes" if checks else "manifest"
        return [*checks, Check(what, "failed", str(error))]
    if (folder / ENTRY).is_file():
        checks.append(Check("hashes", "ok", "every file is the one that entry.json names"))
    else:
        checks.append(Check("hashes", "ok", "config, weights and vocabulary; it is a run, without an entry.json"))
    if plugins := read_config(folder).get("plugins"):
        checks.append(_plugins(plugins, folder))
    if not (folder / GOLDEN).is_file():
        checks.append(Check("golden logits", "not checked", f"there is no {GOLDEN}"))
    else:
        checks.append(_golden(model, folder))
    checks.append(Check("score", "not checked", "--quick") if quick else _score(model, folder, files))
    return checks


def _plugins(plugins: Any, folder: Path) -> Check:
    changed = changed_plugins(plugins, folder / "config.json")
    if not changed:
        return Check("plug-ins", "ok", f"{', '.join(plugins)}: the code that the model was made with")
    return Check("plug-ins", "not checked", f"{'; '.join(changed)}: logits and score say whether it matters")


def _golden(model: Model, folder: Path) -> Check:
    try:
        difference = golden_difference(model, folder)
    except UserError as error:
        return Check("golden logits", "failed", str(error))
    ok = difference <= GOLDEN_TOLERANCE
    detail = f"largest difference {difference:.1e}, allowed {GOLDEN_TOLERANCE:.0e}"
    return Check("golden logits", "ok" if ok else "failed", detail)


def _score(model: Model, folder: Path, files: Sequence[str] | None) -> Check:
    try:
        entry_corpus(read_config(folder), files or kept_text(folder))
    except UserError as error:
        return Check("score", "not checked", str(error))
    try:
        score = score_entry(model, folder, files=files)
    except UserError as error:
        return Check("score", "failed", str(error))
    kind, recorded = kind_of(model), score["recorded"]
    if not recorded:
        return Check("score", "not checked", f"{kind.told(score)}; none is on record")
    if score["corpus_sha256"] != score["recorded_sha256"]:
        return Check("score", "failed", f"{score['corpus']} here is not the text that it was scored on")
    beside, ok = [], True
    for one in kind.compared:
        if one.key in recorded:
            difference = (value_at(score, one.key) or 0.0) - recorded[one.key]
            ok = ok and abs(difference) <= one.tolerance
            beside.append(f"{one.said(recorded[one.key])} ({difference:+.1e}, allowed {one.tolerance:.0e})")
    detail = f"{score['corpus']} {score['split']}: {kind.told(score)}; on record {', '.join(beside)}"
    return Check("score", "ok" if ok else "failed", detail)
