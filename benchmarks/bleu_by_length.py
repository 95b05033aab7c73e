"""BLEU of short and of long sentences, by two or more translators of one test set; for docs/translation.md.

python -m benchmarks.bleu_by_length                 # the zoo's translator with attention, and the one without
python -m benchmarks.bleu_by_length MODEL MODEL     # any others, of the same pairs

What attention is worth shows where sentences are long (Cho et al. 2014, arXiv:1409.1259; Bahdanau et al. 2015,
arXiv:1409.0473, figure 2). The page's block between the marks is replaced, the picture goes to docs/images, and the
figures to benchmarks/results.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import paragraph
from rnnzoo.data.pairs import PairCorpus
from rnnzoo.decoding import SearchConfig
from rnnzoo.errors import UserError
from rnnzoo.files import write_text
from rnnzoo.inference.translation.evaluation import evaluate_translation
from rnnzoo.metrics import bleu_by_length
from rnnzoo.models import Seq2Seq
from rnnzoo.zoo import entry_names, find_model, load_folder, read_config, read_metrics
from rnnzoo.zoo.kinds import kind_of, require

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(
    r"(<!-- benchmarks.bleu_by_length: begin -->\n).*?(<!-- benchmarks.bleu_by_length: end -->)", re.DOTALL
)
PREFERRED = ("mt-gru.multi30k-en-fr", "mt-vanilla.multi30k-en-fr")
EDGES = (8, 10, 12, 15, 20)  # of the 1,000 captions of test_2016_flickr 174, 238, 222, 221, 108, and 37 are longer
COLOURS = ("#1f5a96", "#c8553d", "#5a8f3c", "#8a5fa8")


def measured(name: str, split: str, edges: Sequence[int], files: Sequence[str] | None) -> dict[str, Any]:
    """A model's BLEU by source length in words, with the search that its score on record had.

    Args:
        name: a model. split: the part of its pairs. edges: of the bins. files: where own pairs now are.

    Raises:
        UserError: it is no translator, its pairs are not there, or they have no such part.
    """
    folder = find_model(name)
    model = require(load_folder(folder), Seq2Seq, name)
    corpus = kind_of(model).corpus(read_config(folder).get("data", {}), files)
    assert isinstance(corpus, PairCorpus)
    if split not in corpus.references:
        raise UserError(f"{corpus.name}: has no part {split!r} to score on (it has {', '.join(corpus.references)})")
    metrics = read_metrics(folder)
    search = SearchConfig.from_dict(metrics.get("search", {}), "metrics.json: search")
    sources, references = corpus.splits[split][0], corpus.references[split]
    score = evaluate_translation(model, sources, references, search=search)
    rows = bleu_by_length(score.translations, references, [len(source.split()) for source in sources], edges)
    return {
        "model": str(metrics.get("recipe", folder.name)),
        "corpus": {"name": corpus.name, "sha256": corpus.sha256, "split": split},
        "attention": None if model.config.attention is None else model.config.attention.name,
        "parameters": model.num_parameters,
        "search": search.to_dict(),
        "bleu": score.figures()["bleu"],
        "by_length": [{key: row[key] for key in ("min", "max", "sentences", "score")} for row in rows],
    }


def alike(found: Sequence[dict[str, Any]]) -> None:
    """Figures of different sentences do not go into one table.

    Raises:
        UserError: two models were not measured on the same pairs.
    """
    first = found[0]["corpus"]
    for one in found[1:]:
        if one["corpus"] != first:
            raise UserError(
                f"{found[0]['model']} and {one['model']} were not measured on the same pairs "
                f"({first['name']}, {one['corpus']['name']})"
            )


def bins(result: dict[str, Any]) -> list[str]:
    """``"to 8"``, ``"9 to 10"``, ``"from 11"``: the words of the sources in each bin."""
    names = []
    for row in result["by_length"]:
        least, most = row["min"], row["max"]
        names.append(f"from {least}" if most is None else f"{least} to {most}" if least else f"to {most}")
    return names


def block(found: Sequence[dict[str, Any]], picture: str) -> str:
    """The table as Markdown, with the picture."""
    first = found[0]
    heading = ["words of the source", "sentences", *(f"`{one['model']}`" for one in found)]
    lines = [heading, ["---"] + ["---:"] * (len(heading) - 1)]
    for at, (name, row) in enumerate(zip(bins(first), first["by_length"], strict=True)):
        scores = [f"{one['by_length'][at]['score']:.1f}" for one in found]
        lines.append([name, f"{row['sentences']:,}", *scores])
    total = sum(row["sentences"] for row in first["by_length"])
    lines.append(["all", f"{total:,}", *(f"{one['bleu']['score']:.1f}" for one in found)])
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    told = "; ".join(
        f"`{one['model']}`: {'no' if one['attention'] is None else one['attention']} attention, "
        f"{one['parameters']:,} parameters, beam {one['search']['beam']}"
        for one in found
    )
    said = paragraph(
        f"BLEU on the {first['corpus']['split']} part of {first['corpus']['name']} ({first['bleu']['signature']}). "
        f"{told}. A bin of few sentences gives a rough figure."
    )
    return f"{said}\n{table}\n![BLEU by the length of the source]({picture})\n"


def draw(found: Sequence[dict[str, Any]], path: Path) -> None:
    """A line for each model; the same file every time."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with matplotlib.rc_context({"svg.hashsalt": "rnnzoo", "font.size": 9}):
        figure, axes = pyplot.subplots(figsize=(5.6, 3.2), layout="constrained")
        for colour, one in zip(COLOURS, found, strict=False):
            scores = [row["score"] for row in one["by_length"]]
            axes.plot(bins(one), scores, "o-", color=colour, label=one["model"], linewidth=1.4, markersize=4)
        axes.set(xlabel="words of the source sentence", ylabel="BLEU")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})
        pyplot.close(figure)


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Measures and writes; returns the exit code."""
    description = (__doc__ or "").split("\n\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bleu_by_length", description=description)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="names of the zoo, folders, or ORG/REPO")
    parser.add_argument("--split", choices=("valid", "test"), default="test", help="the part of the pairs (test)")
    parser.add_argument("--edges", nargs="+", type=int, default=EDGES, metavar="N", help="last length of each bin")
    parser.add_argument("--text", nargs="+", metavar="FILE", help="where one's own pairs now are")
    options = parser.parse_args(arguments)
    names = options.models or list(PREFERRED)
    if not options.models and (missing := [name for name in PREFERRED if name not in entry_names()]):
        print(f"not in the zoo: {', '.join(missing)}: name each MODEL", file=sys.stderr)
        return 0
    if len(names) > len(COLOURS):
        parser.error(f"at most {len(COLOURS)} models")
    page = root / "docs" / "translation.md"
    old = page.read_text(encoding="utf-8")
    if len(BLOCK.findall(old)) != 1:
        raise SystemExit(f"{page}: the marks of the block are missing")
    try:
        found = [measured(name, options.split, options.edges, options.text) for name in names]
        alike(found)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    figures = root / "benchmarks" / "results" / "bleu-by-length.json"
    figures.parent.mkdir(parents=True, exist_ok=True)
    write_text(figures, json.dumps(found, indent=2) + "\n")
    draw(found, root / "docs" / "images" / "bleu-by-length.svg")
    written = block(found, "images/bleu-by-length.svg")
    write_text(page, BLOCK.sub(lambda match: match[1] + written + match[2], old))
    print(written)
    return 0


if __name__ == "__main__":
    sys.exit(main())
