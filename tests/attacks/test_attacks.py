"""Whoever loads a folder from anywhere runs no code of it, writes nothing, reads nothing else: under an audit hook."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hostile_folders import HOSTILE, HOSTILE_CLASSIFIERS, HOSTILE_TRANSLATORS, INTRUDER, build, modules
from hub_server import Hub, running_hub
from small_lm import environment

HERE = Path(__file__).resolve().parent
KINDS = HOSTILE | HOSTILE_TRANSLATORS | HOSTILE_CLASSIFIERS
CONTROLS = ("pickle", "import", "eval", "process", "system", "write", "delete", "secret", "link")


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the attackers' code would make."""
    return tmp_path_factory.mktemp("trace") / "executed"


def watched(place: Path, trace: Path, models: dict[str, Path | str], **variables: str) -> dict[str, Any]:
    """Loads the models in a process of their own, and returns what they and the hook said."""
    cache = place / "cache"
    cache.mkdir(exist_ok=True)
    command = [sys.executable, str(HERE / "watched.py"), str(cache), *(f"{name}={m}" for name, m in models.items())]
    env = environment(RNNZOO_TRACE=str(trace), RNNZOO_CACHE=str(cache), HF_HOME=str(cache / "hub"), **variables)
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


@pytest.fixture(scope="module")
def report(
    tmp_path_factory: pytest.TempPathFactory,
    made_entry: Path,
    made_translator: Path,
    made_classifier: Path,
    trace: Path,
) -> dict[str, Any]:
    place = tmp_path_factory.mktemp("attacks")
    models: dict[str, Path | str] = {
        f"good {name}": Path(shutil.copytree(made, place / name / "entry"))
        for name, made in (
            ("language model", made_entry),
            ("translator", made_translator),
            ("classifier", made_classifier),
        )
    }
    of_kind = dict.fromkeys(HOSTILE_TRANSLATORS, made_translator) | dict.fromkeys(HOSTILE_CLASSIFIERS, made_classifier)
    for number, kind in enumerate([*KINDS, "control"]):
        made = of_kind.get(kind, made_entry)
        folder = models[kind] = Path(shutil.copytree(made, place / str(number) / "entry"))
        assert isinstance(folder, Path)
        (folder.parent / "secret.json").write_text("{}")
        (folder / "intruder.py").write_text(INTRUDER)
        modules(folder) if kind == "control" else build(folder, KINDS[kind])
    return watched(place, trace, models)


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_folder(report: dict[str, Any], trace: Path, kind: str) -> None:
    said, seen = report[kind]["said"], report[kind]["seen"]
    assert not seen
    assert not trace.exists()
    if KINDS[kind].refused:
        assert said is not None
        assert said.isprintable()  # one line, and nothing that a terminal would obey
        assert len(said) < 600
    else:
        assert said is None


@pytest.mark.parametrize("control", CONTROLS)
def test_the_hook_sees(report: dict[str, Any], control: str) -> None:
    assert report[control]["seen"]
    assert report[control]["said"].startswith("PermissionError")


def test_kinds() -> None:
    assert len(HOSTILE) >= 40
    assert len(HOSTILE_TRANSLATORS) >= 20
    assert len(HOSTILE_CLASSIFIERS) >= 15
    assert len(KINDS) == len(HOSTILE) + len(HOSTILE_TRANSLATORS) + len(HOSTILE_CLASSIFIERS)


def hostile_hub(hub: Hub, entry: Path) -> dict[str, str]:
    """Repositories, by what is wrong with them."""
    files = {path.name: path.read_bytes() for path in entry.iterdir()}
    for name, more in {
        "above": {"../../../escaped.json": b"x"},
        "anywhere": {"/tmp/escaped.json": b"x"},
        "code": {"setup.py": INTRUDER.encode(), "pytorch_model.bin": b"x", "deep/intruder.py": INTRUDER.encode()},
    }.items():
        hub.add(f"org/{name}", files | more)
    return {name: f"org/{name}" for name in ("above", "anywhere", "code")}


def test_hostile_repositories(tmp_path: Path, made_entry: Path, trace: Path) -> None:
    with running_hub() as hub:
        hub.add("org/good", {path.name: path.read_bytes() for path in made_entry.iterdir()})
        models = {"good one": "org/good", **hostile_hub(hub, made_entry)}
        report = watched(tmp_path, trace, models, HF_ENDPOINT=hub.url, HF_HUB_DISABLE_PROGRESS_BARS="1")
    assert report == {name: {"said": None, "seen": []} for name in ("above", "anywhere", "code")}
    assert not trace.exists()
    assert not list(tmp_path.rglob("*escaped*"))
