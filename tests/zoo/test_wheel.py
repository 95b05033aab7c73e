"""What an installed package has of the zoo: enough to speak on a plane, and not too much to download."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from hatch_build import FIRST, MOST, carried, left_out
from rnnzoo.cli.quickstart import ENTRY
from rnnzoo.tasks.translator.samples import EXAMPLES
from rnnzoo.zoo import entry_names

ROOT = Path(__file__).resolve().parents[2]
PRETRAINED = ROOT / "pretrained"
NO_NETWORK = """
import socket
def refused(*_): raise OSError("there is no network here")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused
"""


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_sizes() -> None:
    assert size(PRETRAINED) <= 110_000_000
    assert sum(map(size, left_out(PRETRAINED))) <= 95_000_000  # a file on PyPI has at most 100 MB
    both = {*carried(PRETRAINED), *left_out(PRETRAINED)}
    assert both == {folder for folder in PRETRAINED.iterdir() if folder.is_dir()}
    assert sum(map(size, carried(PRETRAINED))) <= MOST <= 25_000_000 - 3_000_000


def test_what_is_carried(tmp_path: Path) -> None:
    """The entries that README begins with whatever their size, then the small ones, and no more than fits."""
    for name, length in {FIRST[0]: 4, FIRST[1]: 9, "large": 7, "middle": 6, "small": 3}.items():
        (tmp_path / name).mkdir()
        with (tmp_path / name / "model.safetensors").open("wb") as file:
            file.truncate(length * 1_000_000)
    (tmp_path / "README.md").touch()
    assert [folder.name for folder in carried(tmp_path)] == [*FIRST, "small", "middle"]
    assert [folder.name for folder in left_out(tmp_path)] == ["large"]
    assert FIRST[0] == ENTRY
    readme = (ROOT / "README.md").read_text(encoding="utf-8").split("<!-- zoo:begin -->")[0]
    assert all(name in readme for name in FIRST)


@pytest.mark.slow
def test_a_wheel_speaks_without_a_network(tmp_path: Path) -> None:
    """Built from the checkout, installed in an environment that sees the dependencies that are here."""
    wheels, place = tmp_path / "wheels", tmp_path / "venv"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    options = ["--no-index", "--no-deps", "--quiet"]
    for place_of in (ROOT, ROOT / "packages" / "rnnzoo-pretrained"):
        subprocess.run([*pip, "wheel", "--no-build-isolation", *options, "-w", str(wheels), str(place_of)], check=True)
    wheel, data = sorted(wheels.glob("*.whl"), key=lambda path: "pretrained" in path.name)
    assert wheel.stat().st_size <= 25_000_000
    assert data.stat().st_size <= 95_000_000
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    python = place / "bin" / "python"
    subprocess.run([*pip, "--python", str(python), "install", *options, str(wheel)], check=True)
    command = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (site / "no_network.pth").write_text("import no_network\n")
    (site / "no_network.py").write_text(NO_NETWORK)
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {**kept, "HF_HOME": str(tmp_path / "hf"), "RNNZOO_CACHE": str(tmp_path / "cache")}

    def run(*words: str) -> str:
        done = subprocess.run(
            [str(place / "bin" / "rnnzoo"), *words], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    listed = json.loads(run("list", "--json"))
    assert ENTRY in [one["name"] for one in listed]
    here = [one for one in listed if one["folder"] is not None]
    assert [one["name"] for one in here] == sorted(folder.name for folder in carried(PRETRAINED))
    assert [one["name"] for one in listed] == sorted(entry_names())
    assert "not installed: `pip install rnnzoo-pretrained`" in run("list")
    words = ("--prompt", "ROMEO:\n", "--greedy", "--max-new-tokens", "40")
    assert run("generate", ENTRY, *words).startswith("ROMEO:\n")
    assert "golden logits" in run("verify", ENTRY, "--quick")
    assert "ptb" in run("recipes", "ls")
    subprocess.run([*pip, "--python", str(python), "install", *options, str(data)], check=True)
    listed = json.loads(run("list", "--json"))
    assert [one["name"] for one in listed] == sorted(entry_names())
    assert all(Path(one["folder"]).is_relative_to(site) for one in listed)
    for one in listed:
        if one["task"] == "translator":
            assert run("translate", one["name"], EXAMPLES.get(one["languages"][0], ("deux",))[0])
        elif one["task"] == "classifier":
            assert run("classify", one["name"], "ab", "--unknown", "drop").strip()
        else:
            assert len(run("generate", one["name"], "--max-new-tokens", "5", "--greedy")) > 1
