"""What stands in the docs is what the commands print, and every entry in the checkout works."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

import rnnzoo
from benchmarks import published, results, use, zoo
from rnnzoo.models import Classifier, Seq2Seq
from rnnzoo.tasks.translator.card import sample_rows
from rnnzoo.zoo import entry_names, read_metrics, recipe_names

ROOT = Path(__file__).parent.parent
ENTRIES = sorted(path.parent.name for path in (ROOT / "pretrained").glob("*/metrics.json"))


def test_the_results_page_is_what_its_command_writes() -> None:
    assert results.main(["--check"]) == 0


def test_the_tables_of_the_zoo_are_what_their_command_writes(capsys: pytest.CaptureFixture[str]) -> None:
    assert zoo.main(["--check"]) == 0, capsys.readouterr().err
    assert use.main(["--check"]) == 0, capsys.readouterr().err


def test_a_table_that_is_out_of_date_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    for page in ("README.md", "docs/zoo.md"):
        (tmp_path / page).write_text((ROOT / page).read_text(encoding="utf-8").replace("2.0050", "1.0050"))
    monkeypatch.setattr(zoo, "ROOT", tmp_path)
    assert zoo.main(["--check"]) == 1
    assert "out of date: README.md, zoo.md, zoo.csv" in capsys.readouterr().err
    assert zoo.main([]) == 0
    assert (tmp_path / "README.md").read_text() == (ROOT / "README.md").read_text()  # but for the block, untouched
    (tmp_path / "README.md").write_text("# no block")
    with pytest.raises(SystemExit, match="has 0 blocks"):
        zoo.main([])


def facts(**fields: Any) -> dict[str, Any]:
    keys = dict.fromkeys(zoo.RAW)
    return {**keys, "name": "x", "bytes": 5_000_000, "cell": "lstm", "split": "test", "corpus": "ptb"} | fields


def test_tables_cope_with_every_task() -> None:
    words = facts(task="word_lm", score=78.4, score_name="perplexity per word", parameters=4_650_000)
    pairs = facts(task="translator", score=31.5, score_name="BLEU", training_seconds=9000.0)
    bare = facts(task="char_lm")
    assert "| 78.40 perplexity per word | 4.65 M | 5.0 MB |  |" in zoo.short([words])
    assert "| 31.50 BLEU |" in zoo.full([pairs])
    assert "| 2.5 h |" in zoo.full([pairs])
    assert "| 2.5 h, 8 cuda |" in zoo.full([pairs | {"devices": 8, "device": "cuda"}])
    assert "| 78.40 ppl/word |" in zoo.full([words])
    assert "| translation | en → fr |" in zoo.full([pairs | {"languages": ["en", "fr"]}])
    assert zoo.licence(facts(licence="LDC, not open", commercial=False)) == "research only"
    assert zoo.licence(facts(licence="not stated", commercial=False)) == "not stated"
    assert zoo.licence(facts(licence="CC BY 2.0 (of somebody)", commercial=True)) == "CC BY 2.0"
    assert zoo.full([bare]).count("\n") == 3
    for one in (words, pairs, bare):
        assert zoo.raw([one]).count("\n") == 2


def test_the_readme_has_the_best_model_of_each_text() -> None:
    found = zoo.found()
    rows = [line for line in zoo.short(found).splitlines() if line.startswith("| `")]
    assert len(rows) == len({(one["task"], one["corpus"]) for one in found})
    assert any("`char-best.tinyshakespeare`" in row for row in rows)
    assert not any("`char-rnn.tinyshakespeare`" in row for row in rows)


def test_results_cope_with_words() -> None:
    scores = {"nll": 4.4, "ppl": 81.45, "bits": 6.35, "tokens": 82430}
    entry = {
        **{"task": "word_lm", "recipe": "word-lstm.ptb-small", "split": "test", "cell": "lstm", "seed": 1},
        **{"eval_streams": 1, "parameters": 4_650_000, "vocab_size": 10_000, **scores},
        "scores": {"valid": scores | {"ppl": 85.5}, "test": scores},
        "corpus": {"name": "ptb", "sha256": "0" * 64, "split_rule": "its own files"},
        "training": {"seconds": 3600.0, "tokens_per_second": 5000.0, "peak_memory_bytes": 2**30},
        "hardware": {"threads": 1},
    }
    page = results.page([entry])
    assert "## ptb, words" in page
    assert "82,430 words read as 1 stream with a carried state." in page
    assert "| word-lstm.ptb-small | lstm | 4,650,000 | 10,000 | 85.50 | 81.45 | 4.4000 |" in page
    rows = list(csv.DictReader(io.StringIO(results.table([*results.found(), entry]))))
    assert rows[-1]["perplexity, test"] == "81.45"
    characters = next(row for row in rows if row["entry"].startswith("char-"))
    assert rows[-1]["nats/char"] == characters["perplexity, test"] == ""
    assert None not in rows[-1]


def test_results_cope_with_translators() -> None:
    def entry(name: str, bleu: float) -> dict[str, Any]:
        figures = {
            key: {"score": score, "signature": f"nrefs:1|{key}"}
            for key, score in (("bleu", bleu), ("chrf", 68.5), ("bleu_lowercased_tokenised", bleu + 1))
        }
        lengths = ({"min": 0, "max": 10, "score": bleu + 5}, {"min": 41, "max": None, "score": bleu - 5})
        scores = {"nll": 1.4, "ppl": 4.06, "tokens": 14_000, "sentences": 1000, **figures}
        scores["bleu_by_length"] = [row | {"sentences": 500} for row in lengths]
        return {
            **{
                "task": "translator",
                "recipe": name,
                "split": "test",
                "cell": "gru",
                "seed": 1,
                "parameters": 5_000_000,
            },
            **scores,
            "scores": {"valid": scores, "test": scores},
            "search": {"beam": 5, "length_penalty": "average", "alpha": 1.0},
            "corpus": {"name": "multi30k en-fr", "sha256": "0" * 64, "split_rule": "its own files"},
            "training": {"seconds": 3600.0, "tokens_per_second": 5000.0, "peak_memory_bytes": 2**30},
            "hardware": {"threads": 1},
        }

    entries = [entry("mt-vanilla.multi30k-en-fr", 38.25), entry("mt-gru.multi30k-en-fr", 53.75)]
    assert [m["recipe"] for m in results.ranked(entries)] == ["mt-gru.multi30k-en-fr", "mt-vanilla.multi30k-en-fr"]
    page = results.page(entries)
    assert "## multi30k en-fr, sentences" in page
    assert "translated by a beam of 5 with length penalty average" in page.replace("\n", " ")
    assert "`nrefs:1|bleu`" in page
    assert "| mt-gru.multi30k-en-fr | gru | 5,000,000 | 53.75 | 53.75 | 68.50 | 54.75 | 1.4000 |" in page
    assert "| entry | 0 to 10 words (500) | 41 or more words (500) |" in page
    assert "| mt-vanilla.multi30k-en-fr | 43.25 | 33.25 |" in page
    rows = list(csv.DictReader(io.StringIO(results.table([*results.found(), *entries]))))
    assert rows[-1]["BLEU, test"] == "53.75"
    assert [row["BLEU, test"] for row in rows if row["entry"].startswith("char-")] == [""] * 9
    assert None not in rows[-1]


def test_entries_stand_among_what_is_published() -> None:
    def entry(name: str, parameters: int, ppl: float) -> dict[str, Any]:
        where = {"task": "word_lm", "corpus": {"name": "wikitext-2"}, "recipe": name, "parameters": parameters}
        return where | {"scores": {"test": {"ppl": ppl}}}

    page = published.beside(
        [entry("large", 30_000_000, 50.0), entry("worse", 4_000_000, 110.0), entry("tiny", 9, 99.0)]
    )
    rows = [line.split(" | ")[0].removeprefix("| ") for line in page.splitlines() if line.startswith("| ")][2:]
    assert [rows.index(f"**{name}**") for name in ("large", "tiny", "worse")] == [0, 7, 9]
    assert len(rows) == 10
    assert "| 50.00 | here; better than the best published of up to 60.0M, 55.10 |" in page
    assert "| 110.00 | here; worse than the best published of up to 8.0M, 102.26 |" in page
    assert "| 99.00 | here; nothing of up to 0.0M is published |" in page
    assert "no figure" in published.beside([entry("x", 1, 1.0) | {"corpus": {"name": "a novel"}}])
    known = {(m["corpus"]["name"], m["task"]) for m in results.found()}
    assert len(published.COMPARISONS.keys() & known) == len(published.COMPARISONS)
    for m in results.found():  # what stands in the table is on record
        if found := published.COMPARISONS.get((m["corpus"]["name"], m["task"])):
            assert found.ours(m) > 0


def test_every_entry_has_its_recipe_and_its_row() -> None:
    assert len(ENTRIES) == 25
    assert sorted(entry_names()) == ENTRIES
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    for name in ENTRIES:
        assert name in recipe_names()
        assert read_metrics(entry_names()[name])["recipe"] == name
        assert f"| {name} |" in page


_OF = {
    "tinyshakespeare": ("My lord,", "My lord, I will not go.\n"),
    "ptb": ("the company", "the company said it will sell its shares\n"),
    "wikitext-2": ("The film", "The film was released in the United States in 2009 .\n"),
}
"""By a word model's text: what it goes on from, and a sentence in that style."""


_SAID = {
    ".ptb": ("the ", " the ", "to be or not to be that is the question"),  # has neither capitals nor most punctuation
    ".faust": ("Faust.\n", " und ", "Ich bin ein Mensch, und die Welt ist mir so lieb!"),
    "": ("ROMEO:\n", " the ", "To be, or not to be: that is the question."),
}
"""By a character model's text: what it goes on from, a frequent word, and a sentence of its language."""


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_writes_words_of_its_text(name: str) -> None:
    model = rnnzoo.load(name)
    assert not model.training
    if isinstance(model, Classifier):
        rows = (entry_names()[name] / "samples.txt").read_text(encoding="utf-8").splitlines()
        said = model.classify([row.split("\t")[0] for row in rows], unknown="drop")
        assert [one.label for one in said] == [row.split("\t")[1] for row in rows]
        return
    if isinstance(model, Seq2Seq):
        samples = (entry_names()[name] / "samples.txt").read_text(encoding="utf-8")
        assert all(model.translate([source for source, _, _ in sample_rows(samples)[:4]]))
        return
    if name.startswith("word-"):
        prompt, known = next(both for text, both in _OF.items() if f".{text}" in name)
        text = model.generate(prompt, max_new_tokens=60, temperature=0.5, seed=0)[0]
        assert " the " in text
        assert "<unk>" not in text
        assert model.score(known).totals.bpc < 2.0
        return
    prompt, common, known = next((said for text, said in _SAID.items() if name.endswith(text)), _SAID[""])
    text = model.generate(prompt, max_new_tokens=120, temperature=0.3, seed=0)[0]
    assert common in text.lower()
    assert model.score(known).totals.bpc < 3.0
