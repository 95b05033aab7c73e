"""``rnnzoo translate``, as a user calls it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_entry import small_model
from small_lm import environment
from small_translator import small_translator

import rnnzoo
from rnnzoo.cli import main
from rnnzoo.models import Seq2Seq
from rnnzoo.zoo import save_folder

LINES = ["abc", "", "bad cafe", "h, g"]


def save(path: Path, **fields: object) -> str:
    model = small_translator(**fields)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)  # opinions, so that not all sentences have one translation
    save_folder(path, model, task="translator", data={"src": "en", "tgt": "fr"})
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save(tmp_path_factory.mktemp("models") / "tiny", max_source=10)


@pytest.fixture(scope="module")
def model(folder: str) -> Seq2Seq:
    return rnnzoo.load(folder, kind=Seq2Seq)


def run(capsys, *words: str) -> tuple[int, str, str]:
    code = main(["translate", words[0], "--max-len", "12", *words[1:]])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def expected(model: Seq2Seq, lines: list[str], **options: object) -> str:
    return "".join(f"{text}\n" for text in model.translate(lines, max_len=12, **options))


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


class Trickle(io.BytesIO):
    """Gives one piece at a time, as a pipe does."""

    def __init__(self, *pieces: bytes) -> None:
        super().__init__()
        self.pieces = list(pieces)

    def read1(self, size: int = -1) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


def give(monkeypatch: pytest.MonkeyPatch, *pieces: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Trickle(*pieces)))


def test_arguments_are_a_sentence_each(capsys, folder, model):
    assert run(capsys, folder, *LINES) == (0, expected(model, LINES), "")
    assert main(["translate", folder, "abc", "--max_len=12", "--beam", "2", "h, g"]) == 0  # before and behind options
    assert capsys.readouterr().out == expected(model, ["abc", "h, g"], beam=2)


def test_a_file_line_by_line(capsys, folder, model, tmp_path):
    (tmp_path / "in.txt").write_bytes("\ufeff".encode() + "\r\n".join(LINES).encode())
    words = (folder, "--input", str(tmp_path / "in.txt"))
    assert run(capsys, *words) == (0, expected(model, LINES), "")
    assert run(capsys, *words, "--batch-size", "1") == (0, expected(model, LINES), "")
    assert run(capsys, *words, "--output", str(tmp_path / "out.txt")) == (0, "", "")
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == expected(model, LINES)


@pytest.mark.parametrize("words", [[], ["--input", "-"]])
def test_standard_input_as_it_comes(capsys, folder, model, monkeypatch, words):
    give(monkeypatch, b"\xef\xbb\xbfabc\n\nbad", b" ca", b"fe\r\nh, g")
    assert run(capsys, folder, *words) == (0, expected(model, LINES), "")
    give(monkeypatch)
    assert run(capsys, folder, *words) == (0, "", "")


def test_each_piece_is_answered_before_the_next_is_read(capsys, folder, model, monkeypatch):
    seen: list[str] = []

    class Slow(Trickle):
        def read1(self, size: int = -1) -> bytes:
            seen.append(capsys.readouterr().out)
            return super().read1(size)

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Slow(b"abc\nh, g\n", b"bad cafe\n")))
    assert run(capsys, folder)[0] == 0
    assert seen == ["", expected(model, ["abc", "h, g"]), expected(model, ["bad cafe"])]


def test_a_terminal_is_asked(capsys, folder, model, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Terminal(io.BytesIO(b"abc\n\nh, g\n")))
    code, out, err = run(capsys, folder)
    assert (code, out) == (0, expected(model, ["abc", "", "h, g"]))
    assert err == "a sentence a line; Ctrl-D ends\n> > > > \n"


def test_n_best_and_scores(capsys, folder, model):
    found = model.translations(LINES, nbest=2, max_len=12)
    assert run(capsys, folder, *LINES, "--nbest", "2")[1] == "".join(
        f"{number}\t{each.text}\n" for number, some in enumerate(found, 1) for each in some
    )
    assert run(capsys, folder, *LINES, "--nbest", "2", "--scores")[1] == "".join(
        f"{number}\t{each.score:.4f}\t{each.text}\n" for number, some in enumerate(found, 1) for each in some
    )
    assert run(capsys, folder, "abc", "--scores")[1].split("\t")[1] == expected(model, ["abc"])


def test_json(capsys, folder, model):
    rows = [json.loads(line) for line in run(capsys, folder, *LINES, "--nbest", "3", "--json")[1].splitlines()]
    assert [(row["line"], row["source"]) for row in rows] == list(enumerate(LINES, 1))
    found = model.translations(LINES, nbest=3, max_len=12)
    assert [[t["text"] for t in row["translations"]] for row in rows] == [[t.text for t in some] for some in found]
    first = rows[0]["translations"][0]
    assert (first["tokens"], first["finished"]) == (len(found[0][0].tokens), found[0][0].finished)
    assert (first["score"], first["log_prob"]) == pytest.approx((found[0][0].score, found[0][0].log_prob))


def test_search_options_arrive(capsys, folder, model):
    words = ["--beam=3", "--length_penalty", "wu", "--alpha", "0.4", "--no-repeat-ngram", "2", "--min_len", "3"]
    options = {"beam": 3, "length_penalty": "wu", "alpha": 0.4, "no_repeat_ngram": 2, "min_len": 3, "prefix": "tu"}
    assert run(capsys, folder, *words, "--prefix", "tu", *LINES)[1] == expected(model, LINES, **options)


def test_draws(capsys, folder, model, tmp_path):
    from rnnzoo.decoding import SamplingConfig

    words = (folder, "--sample", "--temperature", "1.5", "--top-k", "6", "--top-p", "0.95", "--min-p", "0.01")
    sampling = SamplingConfig(1.5, 6, 0.95, 0.01)
    whole = run(capsys, *words, "--seed", "5", *LINES)[1]
    assert whole == expected(model, LINES, sampling=sampling, seed=5)
    (tmp_path / "in.txt").write_text("\n".join(LINES))
    # a line's draw does not depend on how many lines there are at once
    assert run(capsys, *words, "--seed", "5", "--input", str(tmp_path / "in.txt"), "--batch-size", "1")[1] == whole
    assert run(capsys, *words, *LINES)[1] != run(capsys, *words, *LINES)[1]


@pytest.mark.parametrize("name", ["out.png", "out.svg"])
def test_the_attention_picture(capsys, folder, model, tmp_path, name):
    assert run(capsys, folder, "bad", "--attention", str(tmp_path / name)) == (0, expected(model, ["bad"]), "")
    content = (tmp_path / name).read_bytes()
    assert content.startswith(b"\x89PNG") if name.endswith("png") else b">b</text>" in content


def test_a_longer_sentence_than_in_training(capsys, folder, model, monkeypatch):
    give(monkeypatch, b"abc\n" + b"c" * 12 + b"\n", b"d" * 13 + b"\n")
    with pytest.warns(UserWarning, match="longer"):
        out = expected(model, ["abc", "c" * 12, "d" * 13])
    code, shown, err = run(capsys, folder)
    assert (code, shown) == (0, out)
    assert err.startswith("rnnzoo: line 2 is longer than any sentence")
    assert "(12 tokens, 9 in training)" in err
    assert err.count("\n") == 1


def test_characters_that_the_model_does_not_know(capsys, folder, model, tmp_path):
    code, out, err = run(capsys, folder, "abc", "aZb")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("rnnzoo: line 2: ")
    assert "'Z' (U+005A)" in err
    assert "--unknown drop" in err
    code, out, err = run(capsys, folder, "abc", "aZb", "--unknown", "drop")
    assert (code, out) == (0, expected(model, ["abc", "ab"]))
    assert "'Z'" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--beam", "0", "a"], "--beam: 1 <= N <= 10000; got 0"),
        (["--beam", "2", "--nbest", "3", "a"], "nbest must be from 1 to the beam, 2, not 3"),
        (["--alpha", "-1", "a"], "alpha"),
        (["--min-len", "13", "a"], "min_len, 13, is above max_len, 12"),
        (["--batch-size", "0", "a"], "--batch-size: 1 <= N"),
        (["a", "--input", "x.txt"], "give TEXT or --input FILE, not both"),
        (["--input", "/no/such/file"], "/no/such/file: no such file"),
        (["--json", "--scores", "a"], "leave out --scores"),
        (["--temperature", "1", "a"], "--temperature goes with --sample"),
        (["--seed", "1", "a"], "--seed goes with --sample"),
        (["--sample", "--beam", "2", "a"], "one or the other"),
        (["--sample", "--prefix", "s", "a"], "go with a beam"),
        (["--sample", "--temperature", "-1", "a"], "temperature"),
        (["--prefix", "?", "a"], "--prefix: "),
        (["--src", "fr", "a"], "translates from en into fr, not from fr"),
        (["--src", "en", "--tgt", "de", "a"], "translates from en into fr, not into de"),
        (["--attention", "a.pdf", "a"], "a.pdf: a picture's name ends in .png or .svg"),
        (["--attention", "a.png", "a", "b"], "draws a single sentence"),
        (["--attention", "a.png", ""], "not an empty one"),
        (["--device", "gpu", "a"], "unknown device 'gpu'"),
        (["--whatever", "a"], "unrecognized arguments: --whatever"),
        (["--output", "file/out", "a"], "file: is not a folder"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(capsys, folder, words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    code, out, err = run(capsys, folder, *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_is_not_utf_8(capsys, folder, model, tmp_path, monkeypatch):
    (tmp_path / "in.txt").write_bytes(b"abc\nb\xe9\n")
    out = tmp_path / "out.txt"
    code, shown, err = run(capsys, folder, "--input", str(tmp_path / "in.txt"), "--output", str(out))
    assert (code, shown, err.count("\n"), out.exists()) == (2, "", 1, False)
    assert "in.txt" in err
    give(monkeypatch, b"abc\n", b"b\xe9\n")
    assert run(capsys, folder) == (
        2,
        expected(model, ["abc"]),  # that was answered already
        "rnnzoo: standard input, line 2: is not UTF-8 (byte 2 of the line)\n",
    )
    give(monkeypatch, b"abc\n", b"b\xe9\n")
    assert run(capsys, folder, "--output", str(out))[:2] == (2, "")
    assert not out.exists()
    (tmp_path / "empty.txt").touch()
    assert "is empty" in run(capsys, folder, "--input", str(tmp_path / "empty.txt"))[2]


def test_each_command_says_which_one_takes_the_model(capsys, folder, tmp_path):
    save_folder(tmp_path / "lm", small_model(), task="char_lm")
    code, out, err = run(capsys, str(tmp_path / "lm"), "abc")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "rnnzoo generate" in err
    assert main(["generate", folder]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "rnnzoo translate" in captured.err


def test_no_attention_no_picture(capsys, tmp_path):
    plain = save(tmp_path / "vanilla", attention=None)
    code, out, err = run(capsys, plain, "abc", "--attention", str(tmp_path / "a.png"))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "has no attention" in err
    assert not (tmp_path / "a.png").exists()


def test_line_breaks_of_a_translation_are_spaces(capsys, tmp_path):
    torch.manual_seed(0)
    from rnnzoo.models import Seq2SeqConfig
    from rnnzoo.text import CharTokenizer

    model = Seq2SeqConfig(embedding_dim=4).build(CharTokenizer(list("ab")), CharTokenizer(["\n", "\t", "x"]))
    save_folder(tmp_path / "breaks", model)
    out = run(capsys, str(tmp_path / "breaks"), "ab", "--prefix", "x\n\tx", "--min-len", "6")[1]
    assert out.count("\n") == 1
    assert out.startswith("x  x")


def test_the_process(folder, model):
    """Through a real pipe, in time for a program that waits for each answer."""
    words = [sys.executable, "-m", "rnnzoo", "translate", folder, "--max-len", "12"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in ("abc", "", "h, g"):
            process.stdin.write(f"{line}\n".encode())
            process.stdin.flush()
            assert process.stdout.readline().decode() == expected(model, [line])
        process.stdin.close()
        assert process.stdout.read() == b""
    assert process.returncode == 0


def test_numbers_that_are_lost_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    """One token has no place for two numbers; where the source has none, nothing is said."""
    entry = "mt-mingru.tatoeba-en-fr"
    code, out, err = run(capsys, entry, "There are 1,250 people and 7 dogs.", "Good morning.", "--max-len", "1")
    assert code == 0
    assert len(out.splitlines()) == 2
    assert err == "rnnzoo: line 1: the translation is without 1250, 7, which the source has\n"
