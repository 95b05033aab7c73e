"""Refuses weights that replace others without a score that changes: each version of a weight file stays in every clone.

python tests/zoo/weights_once.py    what is changed and not committed, and the last commit; part of `make lint`
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = "pretrained/*/model.safetensors"


def git(*words: str, root: Path = ROOT) -> str | None:
    """What a command of git says; None where it fails, as outside a checkout or before the first commit."""
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=False)
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None


def scores(text: str | None) -> object:
    """What metrics.json says of quality, without hashes, times and machines."""
    data = json.loads(text) if text else {}
    return {key: data.get(key) for key in ("scores", "parameters", "stored_dtype", "cell", "vocab_size")}


def replaced_in_vain(old: str, new: str | None, root: Path = ROOT) -> list[str]:
    """Entries whose weights differ between two commits (or a commit and the files), and whose scores do not."""
    changed = git("diff", "--name-only", "--diff-filter=M", old, *([new] if new else []), "--", WEIGHTS, root=root)
    found = []
    for path in (changed or "").splitlines():
        metrics = str(Path(path).with_name("metrics.json"))
        before = git("show", f"{old}:{metrics}", root=root)
        after = git("show", f"{new}:{metrics}", root=root) if new else (root / metrics).read_text(encoding="utf-8")
        if scores(before) == scores(after):
            found.append(Path(path).parent.name)
    return found


def main() -> int:
    """Prints the entries; returns 1 where there are some."""
    found = [*replaced_in_vain("HEAD", None), *replaced_in_vain("HEAD~1", "HEAD")]
    for name in dict.fromkeys(found):
        print(f"pretrained/{name}: other weights with the same scores: commit weights once, when they are final")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
