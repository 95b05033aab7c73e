"""lm-evaluation-harness, by its own command and functions, gets the numbers and texts of rnnzoo's own commands."""

from __future__ import annotations

import json
import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import small_entry

from rnnzoo import cli
from rnnzoo.cli.lm_eval import main
from rnnzoo.errors import UserError
from rnnzoo.inference.scoring.sentence_pairs import score_pairs
from rnnzoo.inference.scoring.text import score_text
from rnnzoo.models import LanguageModel
from rnnzoo.zoo import load

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(find_spec("lm_eval") is None, reason="lm_eval is not installed (make test-integrations)"),
    pytest.mark.filterwarnings("ignore"),  # the harness's dependencies have many, and none of them is ours
]

SENTENCES = (("abc, de.", "abd, ce."), ("fed a cab", "fed b cab"), ("had a bad egg.", "egg had a bad."))


@pytest.fixture(scope="module")
def lm(made: small_entry.Made) -> Any:
    from rnnzoo.integrations.lm_eval import RnnzooLM

    return RnnzooLM(str(made.entry))


@pytest.fixture(scope="module")
def model(made: small_entry.Made) -> LanguageModel:
    return load(made.entry, kind=LanguageModel)


def asked(kind: str, *arguments: Any) -> list[Any]:
    from lm_eval.api.instance import Instance

    return [Instance(kind, {}, given, index) for index, given in enumerate(arguments)]


def test_a_local_task_of_the_command_is_rnnzoo_score_pairs(
    made: small_entry.Made, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"sentence_good": good, "sentence_bad": bad} for good, bad in SENTENCES]
    (here / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (here / "pairs.tsv").write_text("".join(f"{good}\t{bad}\n" for good, bad in SENTENCES))
    (here / "own.yaml").write_text(
        f"task: own_pairs\ndataset_path: json\ndataset_kwargs:\n  data_files: {here / 'pairs.jsonl'}\n"
        "output_type: multiple_choice\nvalidation_split: train\ndoc_to_text: ''\ndoc_to_target: 0\n"
        "doc_to_choice: \"{{[sentence_good + '\\\\n', sentence_bad + '\\\\n']}}\"\ntarget_delimiter: ''\n"
        "metric_list:\n- metric: acc\n"
    )
    words = ["--model", "rnnzoo", "--model_args", f"pretrained={made.entry}", "--tasks", "own_pairs"]
    words += ["--include_path", str(here), "--output_path", str(here / "out"), "--log_samples"]
    assert main(words) == 0
    assert "own_pairs" in capsys.readouterr().out
    (samples,) = (here / "out").rglob("samples_own_pairs_*.jsonl")
    said = sorted((json.loads(line) for line in samples.read_text().splitlines()), key=lambda row: row["doc_id"])
    assert cli.main(["score", str(made.entry), "--pairs", str(here / "pairs.tsv"), "--json"]) == 0
    own = json.loads(capsys.readouterr().out)
    for row, pair in zip(said, own["results"], strict=True):
        found = [-float(answer[0][0]) for answer in row["resps"]]
        assert found == pytest.approx(pair["nats"], abs=1e-6)
    (results,) = (here / "out").rglob("results_*.json")
    found = json.loads(results.read_text())
    assert found["results"]["own_pairs"]["acc,none"] == pytest.approx(own["accuracy"])
    assert found["config"]["model_num_parameters"] == load(made.entry).num_parameters


def test_the_agreement_tasks_that_come_along(corpus_free_model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """216 pairs of which every good sentence differs from its bad one in the verb alone."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    from rnnzoo.integrations.lm_eval import TASKS

    found = lm_eval.simple_evaluate(
        "rnnzoo",
        model_args={"pretrained": corpus_free_model},
        tasks=["rnnzoo_agreement"],
        task_manager=TaskManager(include_path=str(TASKS)),
        bootstrap_iters=0,
    )
    samples = [row for rows in found["samples"].values() for row in rows]
    assert len(samples) == 216
    pairs = [(row["doc"]["sentence_good"], row["doc"]["sentence_bad"]) for row in samples]
    assert len(set(pairs)) == 216
    for good, bad in pairs:
        assert sum(a != b for a, b in zip(good.split(), bad.split(), strict=True)) == 1
    own = score_pairs(load(corpus_free_model, kind=LanguageModel), pairs)
    for row, pair in zip(samples, own, strict=True):
        assert [-answer[0][0] for answer in row["resps"]] == pytest.approx([t.nats for t in pair.totals], abs=1e-6)
    accuracy = sum(pair.likelier == 1 for pair in own) / len(own)
    assert found["results"]["rnnzoo_agreement"]["acc,none"] == pytest.approx(accuracy)


@pytest.fixture(scope="module")
def corpus_free_model() -> str:
    return "char-rnn.tinyshakespeare"


def test_a_continuation_scores_what_the_whole_scores_beyond_its_context(lm: Any, model: LanguageModel) -> None:
    pairs = [("abc de", "f gh."), ("abc de ", "f"), ("", "cab"), ("a" * 700, "bc" * 400), ("had a", "")]
    for (context, more), (log_p, _) in zip(pairs, lm.loglikelihood(asked("loglikelihood", *pairs)), strict=True):
        whole = score_text(model, context + more).totals.nats
        assert -log_p == pytest.approx(whole - (score_text(model, context).totals.nats if context else 0), abs=1e-3)
    assert lm.loglikelihood(asked("loglikelihood", ("had a", "")))[0] == (0.0, True)


def test_greedy_is_told_from_what_is_not(lm: Any, model: LanguageModel) -> None:
    greedy = model.generate("\nabc", temperature=0, max_new_tokens=20)[0]
    other = greedy[:-1] + ("a" if greedy[-1] != "a" else "b")
    answers = lm.loglikelihood(asked("loglikelihood", ("abc", greedy), ("abc", other), ("abc", greedy[:3])))
    assert [answer[1] for answer in answers] == [True, False, True]


def test_rolling_is_rnnzoo_score(lm: Any, model: LanguageModel) -> None:
    texts = ["abc, de.", "had a bad egg.\n" * 90]
    answers = lm.loglikelihood_rolling(asked("loglikelihood_rolling", *((text,) for text in texts)))
    for text, log_p in zip(texts, answers, strict=True):
        assert -log_p == pytest.approx(score_text(model, text).totals.nats, rel=1e-6)


def test_texts_are_those_of_generate(lm: Any, model: LanguageModel) -> None:
    limits = {"until": ["\n\n", "."], "max_gen_toks": 40}
    draws = limits | {"do_sample": True, "temperature": 0.9, "top_k": 5}
    said = lm.generate_until(asked("generate_until", ("abc", limits), ("abc", draws), ("abc", draws), ("", limits)))
    own = {"max_new_tokens": 40, "stop": ["\n\n", "."]}
    assert said[0] == model.generate("abc", temperature=0, **own)[0]
    assert said[1:3] == [model.generate("abc", temperature=0.9, top_k=5, seed=n, **own)[0] for n in (1, 2)]
    assert said[3] == model.generate("", temperature=0, **own)[0]
    with pytest.raises(UserError, match="unknown generation arguments: typical_p"):
        lm.generate_until(asked("generate_until", ("abc", limits | {"typical_p": 0.5})))


def test_what_the_vocabulary_does_not_have(made: small_entry.Made, lm: Any) -> None:
    from rnnzoo.integrations.lm_eval import RnnzooLM

    with pytest.raises(UserError, match="'Z'"):
        lm.loglikelihood(asked("loglikelihood", ("aZ", "b")))
    dropping = RnnzooLM(str(made.entry), unknown="drop")
    assert dropping.loglikelihood(asked("loglikelihood", ("aZ", "bZ"))) == lm.loglikelihood(
        asked("loglikelihood", ("a", "b"))
    )


def test_a_token_that_joins_both_sides_is_the_continuations() -> None:
    from rnnzoo.integrations.lm_eval import RnnzooLM

    lm = RnnzooLM("word-lstm.tinyshakespeare")
    whole = score_text(lm.model, "the king is dead").nats
    ((log_p, _),) = lm.loglikelihood(asked("loglikelihood", ("the king", " is dead")))
    assert -log_p == pytest.approx(math.fsum(whole[-2:]), abs=1e-5)


def test_one_line_for_the_user(made: small_entry.Made, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model", "rnnzoo", "--model_args", "pretrained=nothing", "--tasks", "rnnzoo_agreement_simple"]) == 2
    *_, line = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("rnnzoo: unknown model 'nothing'")
