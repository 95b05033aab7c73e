"""``rnnzoo generate`` and ``rnnzoo score``, as a user calls them."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import rnnzoo
from rnnzoo.backbones import StackConfig
from rnnzoo.cli import main
from rnnzoo.inference.scoring.text import score_text
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.text import ByteTokenizer, CharTokenizer
from rnnzoo.zoo import save_folder

ROOT = str(Path(rnnzoo.__file__).parents[1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "chars"
    model = LanguageModelConfig(8, backbone=StackConfig(hidden_size=12)).build(CharTokenizer(sorted("\n abcdefgh.é")))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)  # opinions, so that greedy does not say one character for ever
    save_folder(path, model, task="char_lm")
    return str(path)


@pytest.fixture(scope="module")
def model(folder: str) -> LanguageModel:
    return rnnzoo.load(folder)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def ended(text: str) -> str:
    """The text as it is printed: the last line is ended where it is not."""
    return text if text.endswith("\n") else text + "\n"


def test_it_prints_the_prompt_and_what_the_model_says(capsys, folder, model):
    words = ["--prompt", "abc", "--max-new-tokens", "50", "--seed", "1"]
    text = model.generate("abc", max_new_tokens=50, temperature=0.8, seed=1)[0]
    assert run(capsys, "generate", folder, *words) == (0, ended(f"abc{text}"), "")
    assert run(capsys, "generate", folder, *words, "--no-echo") == (0, ended(text), "")


def test_all_sampling_options_arrive(capsys, folder, model):
    words = [
        "--max_new_tokens=40",
        "--temperature",
        "1.5",
        "--top_k",
        "7",
        "--top-p",
        "0.9",
        "--min-p",
        "0.01",
        "--seed",
        "3",
    ]
    options = {"temperature": 1.5, "top_k": 7, "top_p": 0.9, "min_p": 0.01, "seed": 3}
    text = model.generate("", max_new_tokens=40, stop=["a\nb", "\\c"], **options)[0]
    assert run(capsys, "generate", folder, *words, "--stop", r"a\nb", "--stop", r"\\c")[1] == ended(text)
    greedy = model.generate("", max_new_tokens=40, temperature=0)[0]
    assert run(capsys, "generate", folder, "--greedy", "--max-new-tokens", "40")[1] == ended(greedy)


def test_the_backend_changes_no_text(capsys, folder):
    words = ["generate", folder, "--prompt", "abc", "--max-new-tokens", "50", "--greedy"]
    plain, prepared = (run(capsys, *words, "--backend", name) for name in ("plain", "torch"))
    assert plain == prepared
    assert plain[0] == 0
    code, out, error = run(capsys, *words, "--backend", "fast")
    assert (code, out) == (2, "")
    assert "backend must be one of auto, plain, torch" in error


def test_several_texts_show_their_seeds(capsys, folder, model):
    texts = model.generate("ab", max_new_tokens=20, temperature=0.8, seed=5, num=2, stop="\n")
    words = ["--prompt", "ab", "--max-new-tokens", "20", "--seed", "5", "--num", "2", "--stop", "\\n"]
    _, out, _ = run(capsys, "generate", folder, *words)
    assert out == f"--- seed 5\n{ended('ab' + texts[0])}--- seed 6\n{ended('ab' + texts[1])}"
    _, out, _ = run(capsys, "generate", folder, "--num", "2")
    seed = int(out.split("\n")[0].removeprefix("--- seed "))
    assert run(capsys, "generate", folder, "--num", "2", "--seed", str(seed))[1] == out


def test_the_best_of_a_beam(capsys, folder, model):
    first, second = model.generate("ab", max_new_tokens=20, beam=5, num=2, stop="\n")
    words = ["generate", folder, "--prompt", "ab", "--max-new-tokens", "20", "--beam", "5", "--stop", "\\n"]
    assert run(capsys, *words) == (0, ended("ab" + first), "")
    assert run(capsys, *words, "--num", "2", "--no-echo")[1] == f"--- best 1\n{ended(first)}--- best 2\n{ended(second)}"


def test_a_prompt_in_a_file(capsys, folder, model, tmp_path, monkeypatch):
    (tmp_path / "p.txt").write_bytes("\ufeffabc\ndé".encode())
    expected = ended("abc\ndé" + model.generate("abc\ndé", max_new_tokens=5, temperature=0)[0])
    words = ["generate", folder, "--greedy", "--max-new-tokens", "5", "--prompt-file"]
    assert run(capsys, *words, str(tmp_path / "p.txt"))[1] == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("abc\ndé".encode())))
    assert run(capsys, *words, "-")[1] == expected


def test_characters_the_model_does_not_know(capsys, folder, model):
    code, out, err = run(capsys, "generate", folder, "--prompt", "aZb")
    assert (code, out) == (2, "")
    assert "'Z' (U+005A)" in err
    assert "--unknown drop" in err
    words = ["--prompt", "aZbQ", "--unknown", "drop", "--greedy", "--max-new-tokens", "5"]
    code, out, err = run(capsys, "generate", folder, *words)
    assert (code, out) == (0, ended("ab" + model.generate("ab", max_new_tokens=5, temperature=0)[0]))
    assert "'Z' (U+005A), 'Q' (U+0051)" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--temperature", "-1"], "argument --temperature: 0 <= N <= 1e6; got -1"),
        (["--temperature", "nan"], "temperature"),
        (["--top-k", "-1"], "--top-k: 0 <= N"),
        (["--top-p", "2"], "--top-p: 0 <= N <= 1"),
        (["--min-p", "-1"], "--min-p: 0 <= N <= 1"),
        (["--num", "0"], "--num: 1 <= N"),
        (["--max-new-tokens", "-1"], "--max-new-tokens: 0 <= N"),
        (["--stop", ""], "stop string"),
        (["--prompt-file", "/no/such/file"], "/no/such/file: no such file"),
        (["--beam", "0"], "--beam: 1 <= N <= 10000; got 0"),
        (["--beam", "2", "--num", "3"], "nbest must be from 1 to the beam, 2, not 3"),
        (["--beam", "2", "--temperature", "0.8"], "--beam draws nothing: leave out --temperature"),
        (["--beam", "2", "--top-k", "3", "--seed", "0"], "--beam draws nothing: leave out --top-k, --seed"),
        (["--beam", "2", "--stop", "ab"], "stop must be a single one of the model's tokens"),
        (["--device", "gpu"], "unknown device 'gpu'"),
        (["--device", "cuda:99"], "no device 'cuda:99' here"),
    ],
)
def test_bad_values_are_one_line_and_exit_code_2(capsys, folder, words, message):
    code, out, err = run(capsys, "generate", folder, *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_what_the_terminal_cannot_show_does_not_crash(capsys, tmp_path, monkeypatch):
    torch.manual_seed(0)
    model = LanguageModelConfig(4, backbone=StackConfig(hidden_size=4)).build(ByteTokenizer())
    save_folder(tmp_path / "b", model, task="char_lm")
    words = ["generate", str(tmp_path / "b"), "--max-new-tokens", "40", "--temperature", "3", "--prompt"]
    screen = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(screen, encoding="ascii"))
    assert main([*words, "é\u3042"]) == 0
    assert screen.getvalue().startswith(b"??")
    monkeypatch.undo()
    code, out, err = run(capsys, *words, "a\udce9b")  # what a byte that is not UTF-8 arrives as
    assert (code, out, err.count("\n")) == (2, "", 1)
    code, out, err = run(capsys, *words, "a\udce9b", "--unknown", "drop")
    assert (code, out[:2], err.count("\n")) == (0, "ab", 1)


@pytest.mark.skipif(os.name != "posix", reason="signals and pipes of POSIX")
@pytest.mark.parametrize("leaves", [True, False])
def test_a_reader_that_leaves_and_ctrl_c(folder, leaves):
    with subprocess.Popen(
        [sys.executable, "-m", "rnnzoo", "generate", folder, "--max-new-tokens", "1000000"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(1)
        if leaves:
            process.stdout.close()
        else:
            process.send_signal(signal.SIGINT)
            process.stdout.read()
        errors = process.stderr.read()
    assert process.returncode == (141 if leaves else 130)
    assert errors.count(b"\n") == (0 if leaves else 1)


def test_score(capsys, folder, model, tmp_path):
    (tmp_path / "t.txt").write_bytes("\ufeffabc\ndéf.\n".encode())
    totals = score_text(model, "abc\ndéf.\n").totals
    code, out, err = run(capsys, "score", folder, str(tmp_path / "t.txt"), "--json", "--tsv", str(tmp_path / "o.tsv"))
    assert (code, err) == (0, "")
    assert json.loads(out) == totals.to_dict() | {"unknown": 0, "dropped": 0}
    assert (totals.tokens, totals.characters, totals.bytes) == (9, 9, 10)
    lines = (tmp_path / "o.tsv").read_text(encoding="utf-8").split("\n")
    assert lines[0] == "index\ttoken\tbits"
    assert [line.split("\t")[1] for line in lines[1:-1]] == ["a", "b", "c", "\\n", "d", "é", "f", ".", "\\n"]
    assert sum(float(line.split("\t")[2]) for line in lines[1:-1]) == pytest.approx(totals.bpc * 9, abs=1e-4)
    code, out, _ = run(capsys, "score", folder, str(tmp_path / "t.txt"))
    for figure in (totals.nll, totals.ppl, totals.bits_per_token, totals.bpc, totals.bits_per_byte):
        assert f"{figure:.4f}" in out
    assert run(capsys, "score", folder, str(tmp_path / "t.txt"), "--tsv", "-")[1].split("\n") == lines


def test_score_of_standard_input(capsys, folder, model, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"abc")))
    out = run(capsys, "score", folder, "-", "--json")[1]
    assert json.loads(out)["nats"] == pytest.approx(score_text(model, "abc").totals.nats)


def test_score_on_bad_input(capsys, folder, tmp_path, monkeypatch):
    bad, empty, strange = (tmp_path / name for name in ("bad", "empty", "strange"))
    bad.write_bytes(b"ab\xe9b")
    empty.write_bytes(b"")
    strange.write_text("aZb")
    for words, message in [
        (["nowhere.txt"], "nowhere.txt: no such file"),
        ([str(tmp_path)], "is a folder"),
        ([str(bad)], "bad, byte 2: is not UTF-8"),
        ([str(empty)], "empty: is empty"),
        ([str(strange)], "'Z' (U+005A)"),
        ([str(strange), "--unknown", "drop", "--tsv", str(strange / "x")], "is not a folder"),
        ([str(strange), "--tsv", "-", "--json"], "--tsv"),
    ]:
        code, out, err = run(capsys, "score", folder, *words)
        assert (code, out) == (2, "")
        assert message in err.splitlines()[-1]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\xff")))
    assert "standard input, byte 1" in run(capsys, "score", folder, "-")[2]
    assert {path.name for path in tmp_path.iterdir()} == {"bad", "empty", "strange"}
    code, out, err = run(capsys, "score", folder, str(strange), "--unknown", "drop", "--json")
    assert (code, json.loads(out)["tokens"]) == (0, 2)
    assert "'Z'" in err
