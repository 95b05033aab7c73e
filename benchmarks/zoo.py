"""The zoo's tables, from the metrics.json of every entry and docs/speed.csv; nothing in them is typed by hand.

python -m benchmarks.zoo            # writes docs/zoo.csv and the blocks in docs/zoo.md and README.md
python -m benchmarks.zoo --check    # exit code 1 when they are not what it would write

A block is what stands between ``<!-- zoo:begin -->`` and ``<!-- zoo:end -->``; the rest of a page is left alone.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.use import stored
from rnnzoo.data.sources import OWN_LICENCE
from rnnzoo.zoo import entry_names, model_facts

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"(<!-- zoo:begin -->\n).*?(<!-- zoo:end -->)", re.DOTALL)

RAW = (
    *("name", "task", "cell", "corpus", "split", "eval_streams", "score_name", "score", "nll", "bits", "ppl", "bleu"),
    *("chrf", "parameters", "bytes", "stored_dtype", "training_tokens_per_second", "characters_per_second"),
    *("training_seconds", "devices", "device", "hardware", "licence", "commercial"),
)
"""docs/zoo.csv, a row an entry: for machines."""

TASKS = {"char_lm": 0, "word_lm": 1, "translator": 2, "classifier": 3}
TASK_NAMES = {"char_lm": "characters", "word_lm": "words", "translator": "translation", "classifier": "classification"}


def found() -> list[dict[str, Any]]:
    """The facts of all entries: by task, by corpus, the best first."""
    speeds = stored()
    facts = [model_facts(name, folder) for name, folder in entry_names().items()]
    for one in facts:
        one["characters_per_second"] = speeds.get(one["name"])

    def rank(one: dict[str, Any]) -> tuple[Any, ...]:
        score = one["score"] if one["score"] is not None else float("inf")
        better = -score if one["higher_is_better"] else score
        return TASKS.get(one["task"], len(TASKS)), str(one["corpus"]), better, one["name"]

    return sorted(facts, key=rank)


def number(value: Any, form: str = ",.0f") -> str:
    """`value` in that form; nothing where there is none."""
    return "" if value is None else format(value, form)


def score(one: dict[str, Any]) -> str:
    """The figure that the model is known by, as it is printed everywhere."""
    if one["score"] is None:
        return ""
    digits = 4 if one["score_name"].startswith(("bits", "nats")) else 2
    return f"{one['score']:.{digits}f} {one['score_name']}"


def short(facts: Sequence[dict[str, Any]]) -> str:
    """The README's part: the best of each text, as `facts` has the best first."""
    best: dict[tuple[str, str], dict[str, Any]] = {}
    for one in facts:
        best.setdefault((one["task"], str(one["corpus"])), one)
    rows = [
        (f"`{one['name']}`", score(one), count(one["parameters"]), f"{one['bytes'] / 1e6:.1f} MB", licence(one))
        for one in best.values()
    ]
    return (
        "## The zoo\n\n"
        f"{len(facts)} models. The best on each text:\n\n"
        + table(("model", "score", "parameters", "size", "licence of the text"), "--rr-", rows)
        + "\nAll of them, with speeds and training times: [docs/zoo.md](docs/zoo.md), or `rnnzoo list`.\n"
        "`rnnzoo verify --all` measures every score again on your machine.\n"
    )


def full(facts: Sequence[dict[str, Any]]) -> str:
    """The table of docs/zoo.md; docs/_static/zoo.js finds columns by these headings."""
    rows = [
        (
            f"`{one['name']}`",
            TASK_NAMES.get(one["task"], one["task"]),
            (" → " if one["task"] == "translator" else ", ").join(one.get("languages") or ()),
            one["cell"],
            f"{one['corpus']}, {one['split']}",
            brief(score(one)),
            count(one["parameters"]),
            f"{one['bytes'] / 1e6:.1f}",
            number(one["characters_per_second"]),
            hours(one["training_seconds"]) + machine(one),
            licence(one),
        )
        for one in facts
    ]
    head = ("model", "task", "language", "cell", "measured on", "score", "params", "MB", "chars/s")
    return table((*head, "trained in", "licence"), "------rrr--", rows)


def brief(figure: str) -> str:
    """A score in a narrow column: ``2.0050 bits/char``."""
    return figure.replace("perplexity", "ppl").replace(" per ", "/").replace("character", "char")


def machine(one: dict[str, Any]) -> str:
    """What it was trained on, where that is not one CPU."""
    return "" if (one["devices"] or 1, one["device"] or "cpu") == (1, "cpu") else f", {one['devices']} {one['device']}"


def count(parameters: int | None) -> str:
    """Parameters as people say them; docs/zoo.csv has every digit."""
    return "" if parameters is None else f"{parameters / 1e6:.2f} M"


def licence(one: dict[str, Any]) -> str:
    """The licence of the training text in a few words; docs/zoo.csv and a model's card have all of them."""
    if one["licence"] is None:
        return ""
    if not one["commercial"] and one["licence"] != OWN_LICENCE:
        return "research only"
    return re.sub(r"\s*\(.*?\)", "", one["licence"])


def hours(seconds: float | None) -> str:
    """A length of time as people say it."""
    if seconds is None:
        return ""
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def table(head: Sequence[str], sides: str, rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table; ``r`` in `sides` is a column set to the right."""
    rule = ["---:" if side == "r" else "---" for side in sides]
    return "".join(f"| {' | '.join(map(str, row))} |\n" for row in (head, rule, *rows))


def raw(facts: Sequence[dict[str, Any]]) -> str:
    """docs/zoo.csv."""
    out = io.StringIO()
    writer = csv.DictWriter(out, RAW, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(facts)
    return out.getvalue()


def filled(page: Path, block: str) -> str:
    """The page with `block` between its two marks."""
    text = page.read_text(encoding="utf-8")
    result, count = BLOCK.subn(lambda match: match[1] + block + match[2], text)
    if count != 1:
        raise SystemExit(f"{page}: has {count} blocks <!-- zoo:begin --> ... <!-- zoo:end -->, not one")
    return result


def main(arguments: list[str] | None = None) -> int:
    """Writes or checks; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.zoo", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; say whether the files are up to date")
    options = parser.parse_args(arguments)
    facts, stale = found(), []
    pages = {ROOT / "README.md": short, ROOT / "docs" / "zoo.md": full}
    texts = {page: filled(page, "\n" + make(facts) + "\n") for page, make in pages.items()}
    texts[ROOT / "docs" / "zoo.csv"] = raw(facts)
    for path, text in texts.items():
        if options.check and (not path.is_file() or path.read_text(encoding="utf-8") != text):
            stale.append(path.name)
        elif not options.check:
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"out of date: {', '.join(stale)}; run `python -m benchmarks.zoo`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
