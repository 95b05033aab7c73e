"""Translates sentences whose meaning hangs on word order, and draws where the model looked; for docs/translation.md.

python -m benchmarks.article_sentences           # by the zoo's own English-French translator, if it has one
python -m benchmarks.article_sentences MODEL     # by any other

The page's block between the marks is replaced, and the pictures go to docs/images.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from rnnzoo import load
from rnnzoo.errors import UserError
from rnnzoo.files import write_text
from rnnzoo.inference.translation.attention_picture import attended, draw_attention
from rnnzoo.models import Seq2Seq
from rnnzoo.zoo import entry_names

DOCS = Path(__file__).resolve().parent.parent / "docs"
BLOCK = re.compile(
    r"(<!-- benchmarks.article_sentences: begin -->\n).*?(<!-- benchmarks.article_sentences: end -->)", re.DOTALL
)
PREFERRED = ("mt-mingru.tatoeba-en-fr", "mt-gru.multi30k-en-fr")  # everyday sentences before captions of pictures
DRAWN = {"attention-had-washed": "I had washed my house.", "attention-had-it-washed": "I had my house washed."}
SENTENCES = (
    *DRAWN.values(),
    "She had repaired her car.",
    "She had her car repaired.",
    "He has cut his hair.",
    "He has had his hair cut.",
    "The man is washing his car.",
)


def block(model: Seq2Seq, name: str, docs: Path) -> str:
    """The sentences with their translations as Markdown; draws the pictures."""
    rows = [(source, found[0]) for source, found in zip(SENTENCES, model.translations(SENTENCES), strict=True)]
    table = "".join(f"| {_cell(source)} | {_cell(best.text)} | {best.score:.2f} |\n" for source, best in rows)
    text = (
        f"By `{name}`, beam 5; the score is the mean of ln p over the tokens of a translation. Nothing is chosen: "
        "these are all the sentences of the command.\n\n"
        f"| English | translation | score |\n|---|---|---|\n{table}"
    )
    if model.config.attention is None:
        return f"{text}\nIt has no attention to be drawn.\n"
    for picture, source in DRAWN.items():
        best = dict(rows)[source]
        draw_attention(*attended(model, source, best.tokens), docs / "images" / f"{picture}.svg")
        text += f"\n![Where the model looked as it translated “{source}”](images/{picture}.svg)\n"
    return text


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def main(arguments: list[str] | None = None, docs: Path = DOCS) -> int:
    """Writes the block and the pictures; returns the exit code."""
    description = (__doc__ or "").split("\n\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.article_sentences", description=description)
    parser.add_argument("model", nargs="?", metavar="MODEL", help="a name of the zoo, a folder, or ORG/REPO")
    name = parser.parse_args(arguments).model or next((one for one in PREFERRED if one in entry_names()), None)
    if name is None:
        print(f"none of {', '.join(PREFERRED)} is in the zoo: name a MODEL", file=sys.stderr)
        return 0
    page = docs / "translation.md"
    old = page.read_text(encoding="utf-8")
    if len(BLOCK.findall(old)) != 1:
        raise SystemExit(f"{page}: the marks of the block are missing")
    try:
        written = block(load(name, kind=Seq2Seq), Path(name).name if Path(name).is_dir() else name, docs)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    write_text(page, BLOCK.sub(lambda match: match[1] + written + match[2], old))
    print(written)
    return 0


if __name__ == "__main__":
    sys.exit(main())
