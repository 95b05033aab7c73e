"""The package as a whole: what importing it costs, its public names, its files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import rnnzoo

ROOT = Path(__file__).resolve().parent.parent
TEXT = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".cfg", ""}


def loaded_after(code: str) -> set[str]:
    """The top-level modules that a fresh process has after `code`."""
    report = "\nimport json, sys\nprint()\nprint(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def tracked_files() -> list[Path]:
    done = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for name in done.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_import_is_light() -> None:
    assert not loaded_after("import rnnzoo") & {
        *("torch", "numpy", "lightning", "datasets", "tokenizers", "matplotlib", "rich")
    }


HEAVY = {
    *("lightning", "datasets", "pandas", "pyarrow", "matplotlib", "rich", "jsonargparse", "torchmetrics", "sacrebleu"),
    *("huggingface_hub", "tokenizers", "onnx", "onnxscript", "onnxruntime", "tensorboard", "sympy"),
}
"""What a command that only reads, writes or scores text does not wait for."""

WRITES = ["generate", "char-gru.tinyshakespeare", "--max-new-tokens", "2", "--seed", "1"]


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--help"], {"torch", "numpy", *HEAVY}),
        (["--version"], {"torch", "numpy", *HEAVY}),
        (["generate", "--help"], {"torch", "numpy", *HEAVY}),
        (["list"], {"torch", "numpy", *HEAVY} - {"rich"}),
        (["show", "char-gru.tinyshakespeare"], {"torch", "numpy", *HEAVY}),
        (["recipes", "ls"], {"torch", "numpy", *HEAVY} - {"rich"}),
        (["data", "ls"], {"torch", "numpy", *HEAVY} - {"rich"}),
        (WRITES, HEAVY),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_command_starts_light(arguments: list[str], absent: set[str]) -> None:
    code = f"""
import sys
from rnnzoo.cli import main
try:
    main({arguments})
except SystemExit as exit:
    assert not exit.code, exit.code
"""
    assert not loaded_after(code) & absent


@pytest.mark.parametrize("name", rnnzoo.__all__)
def test_public_name(name: str) -> None:
    assert getattr(rnnzoo, name) is not None
    assert name in dir(rnnzoo)


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'CharLN'"):
        rnnzoo.CharLN  # type: ignore[attr-defined]  # noqa: B018


def test_every_public_name_has_a_home() -> None:
    assert set(rnnzoo.__all__) == {*rnnzoo._HOME, "__version__"}
    assert all((ROOT / "rnnzoo" / package).is_dir() for package in rnnzoo._PACKAGES - {"state"})


def test_subpackage_without_import() -> None:
    assert "rnnzoo" in loaded_after("import rnnzoo; assert rnnzoo.cells.lstm(2, 3).output_size == 3")


def test_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "rnnzoo", "--help"], capture_output=True, text=True, check=True)
    assert "quickstart" in done.stdout


def test_files_are_small() -> None:
    long = {path.name: n for path in ROOT.glob("rnnzoo/**/*.py") if (n := len(path.read_text().splitlines())) > 400}
    assert not long


def test_changelog_has_the_version() -> None:
    assert f"\n## {rnnzoo.__version__} " in (ROOT / "CHANGELOG.md").read_text()
    assert f"\nversion: {rnnzoo.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_every_distribution_takes_its_version_from_one_file() -> None:
    projects = [ROOT / "pyproject.toml", *ROOT.glob("*/pyproject.toml"), *ROOT.glob("packages/*/pyproject.toml")]
    assert len(projects) == 3
    for project in projects:
        source = tomllib.loads(project.read_text())["tool"]["hatch"]["version"]["path"]
        assert (project.parent / source).resolve() == ROOT / "rnnzoo" / "version.py", project


def test_no_path_of_a_machine() -> None:
    folders = ["work", "root", "home", "Users", "opt", "tmp/bash"]
    found = re.compile(rf"(?<![\w.~])/({'|'.join(folders)})/\w".encode())
    hits = [str(p.relative_to(ROOT)) for p in tracked_files() if p.suffix in TEXT and found.search(p.read_bytes())]
    assert not hits


def test_links_in_markdown_lead_somewhere() -> None:
    broken = [
        f"{path.name}: {target}"
        for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/api/*.md")]
        for target in re.findall(r"(?<!`)\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text())
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert not broken
