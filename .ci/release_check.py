"""All that a release needs but the upload, from a clean clone: ``make release-check``.

The clone holds what is committed. In it the versions are compared, the distributions built (rnnzoo, rnnzoo-pretrained,
rnnzoo-runtime) and looked at by twine and check-wheel-contents; then the wheels are installed into fresh environments,
and quick tests are run on what was installed. The distributions end in dist/release.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
MOST = 100_000_000
"""Bytes of a file, the package index's limit."""
PROBE = """
import rnnzoo
from rnnzoo.testing import check_cell
print(rnnzoo.__version__, rnnzoo.__file__)
check_cell("lstm")
layer = rnnzoo.rnn("mingru", 3, 4, 2, bidirectional=True)
print(layer)
found = rnnzoo.list_models()
for name in found:
    rnnzoo.load(name)
print(len(found), "models load")
"""
TESTS = ["tests/cells/test_cell_registry.py", "tests/layers", "tests/nn", "tests/text", "tests/decoding"]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Runs a command, shows it, and ends the check where it fails."""
    print("$", *command, flush=True)
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
    )
    print(done.stdout, end="", flush=True)
    if done.returncode:
        sys.exit(f"release-check: {Path(command[0]).name} failed with {done.returncode}")
    return done.stdout


def versions_agree(clone: Path) -> str:
    """The version, which CHANGELOG.md, CITATION.cff and the tag that is built say too."""
    version = re.findall(r'^__version__ = "(.+)"', (clone / "rnnzoo/version.py").read_text(), re.MULTILINE)[0]
    tag = os.environ.get("GITHUB_REF_NAME", "") if os.environ.get("GITHUB_REF_TYPE") == "tag" else ""
    said = {
        "CHANGELOG.md": re.findall(r"^## (\S+) ", (clone / "CHANGELOG.md").read_text(), re.MULTILINE)[0],
        "CITATION.cff": re.findall(r"^version: (\S+)", (clone / "CITATION.cff").read_text(), re.MULTILINE)[0],
        **({"the tag": tag.removeprefix("v")} if tag else {}),
    }
    for place, other in said.items():
        if other != version:
            sys.exit(f"release-check: {place} says {other}, rnnzoo/version.py {version}")
    if tag and f"## {version} (unreleased)" in (clone / "CHANGELOG.md").read_text():
        sys.exit(f"release-check: CHANGELOG.md calls {version} unreleased: write the date")
    print(f"version {version}: rnnzoo/version.py, {', '.join(said)}", flush=True)
    return version


def build(clone: Path, dist: Path) -> list[Path]:
    """The package's sdist, a wheel made from it, and the wheels of the others, which hold files of the checkout."""
    run(BIN / "python", "-m", "build", "-q", "--no-isolation", "--outdir", dist, ".", cwd=clone)
    for folder in ("packages/rnnzoo-pretrained", "runtime"):
        run(BIN / "python", "-m", "build", "-q", "--no-isolation", "--wheel", "--outdir", dist, folder, cwd=clone)
    files = sorted(dist.iterdir())
    for path in files:
        print(f"{path.stat().st_size:>12,} {path.name}", flush=True)
        if path.stat().st_size > MOST:
            sys.exit(f"release-check: {path.name} is too large for the package index")
    assert len(files) == 4, files
    return files


def environment(folder: Path, clone: Path, *packages: str | Path) -> Path:
    """A fresh environment with `packages`; returns its bin."""
    run(sys.executable, "-m", "venv", folder, cwd=clone)
    place = folder / ("Scripts" if os.name == "nt" else "bin")
    run(place / "python", "-m", "pip", "install", "-q", "-c", "constraints.txt", *packages, cwd=clone)
    return place


def main() -> None:
    """Prints each command and what it says; ends with 1 at the first that fails."""
    dist = ROOT / "dist" / "release"
    shutil.rmtree(dist, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="rnnzoo-release-") as temporary:
        folder = Path(temporary)
        clone, desk = folder / "clone", folder / "desk"
        desk.mkdir()
        run("git", "clone", "-q", ROOT, clone, cwd=folder)
        version = versions_agree(clone)
        files = build(clone, dist)
        wheels = {path.name.split("-")[0]: path for path in files if path.suffix == ".whl"}
        run(BIN / "twine", "check", "--strict", *files, cwd=clone)
        # W002, files that are alike: each entry is complete, with a tokenizer that others have too.
        run(BIN / "check-wheel-contents", "--ignore", "W002", *wheels.values(), cwd=clone)

        tools = ["pytest", "pytest-randomly", "hypothesis", "beartype"]
        fresh = environment(folder / "venv", clone, wheels["rnnzoo"], wheels["rnnzoo_pretrained"], *tools)
        run(fresh / "python", "-m", "pip", "check", cwd=desk)
        assert version in run(fresh / "rnnzoo", "--version", cwd=desk)
        run(fresh / "python", "-c", PROBE, cwd=desk)
        run(
            fresh / "rnnzoo", "generate", "char-lstm.tinyshakespeare", "--max-new-tokens", "40", "--seed", "1", cwd=desk
        )
        steps = ["--trainer.max_steps", "2", "--trainer.max_epochs", "1"]
        run(fresh / "rnnzoo", "train", "char-lstm.pydocs", *steps, cwd=desk)
        for name in ("rnnzoo", "pretrained"):  # so that the tests find what was installed
            shutil.rmtree(clone / name)
        chosen = ["-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-m", "not slow and not browser"]
        run(fresh / "python", "-m", "pytest", *chosen, *TESTS, cwd=clone, OMP_NUM_THREADS="1")

        run(BIN / "rnnzoo", "export", "char-lstm.tinyshakespeare", "model/", cwd=desk)
        light = environment(folder / "light", clone, wheels["rnnzoo_runtime"])
        run(light / "rnnzoo-runtime", "model", "--prompt", "ROMEO:", "--max-new-tokens", "40", cwd=desk)
    print(f"release-check: {version} is ready, in {dist.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
