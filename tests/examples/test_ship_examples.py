"""The examples of exported models do what they say, and need nothing but the runtime."""

from __future__ import annotations

import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from exports import exported_language_model, exported_translator

from rnnzoo.runtime import LanguageModel, Translator

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"


def example(name: str) -> ModuleType:
    spec: Any = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A character model's folder."""
    return exported_language_model(tmp_path_factory) / "out"


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_translate(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = exported_translator(tmp_path_factory) / "out"
    typed(monkeypatch, "abc, de.\nfg\n")
    example("translate").main(str(folder))
    assert capsys.readouterr().out.splitlines() == Translator.open(folder).translate(["abc, de.", "fg"])
    code = (EXAMPLES / "translate.py").read_text().split('"""')[2]
    assert len([line for line in code.splitlines() if line]) <= 20


def test_autocomplete(small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    module, model = example("autocomplete"), LanguageModel.open(small)
    line = module.Line(model.session(seed=0))
    line.type("abx")
    line.back()
    line.back()
    line.type("c")
    rest = model.session().feed("ac").generate(30, temperature=0, stop="\n")[0]
    assert line.text == "ac"
    assert rest.startswith(line.suggestion())
    assert " " not in line.suggestion().lstrip(" ")
    expected = line.suggestion()
    typed(monkeypatch, "abc\x7f\x7fc\t\nf\x04never")
    module.main(str(small))
    written = capsys.readouterr().out
    assert f"\rac{expected}{module.TO_THE_END}\n" in written  # the line that was taken
    assert "never" not in written


def test_watch_log(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module, model = example("watch_log"), LanguageModel.open(small)
    usual = model.generate("\n", temperature=0, max_new_tokens=60)[0].replace("\n", " ")
    session, unusual = model.session().feed(f"{usual}\n" * 30), ""
    for _ in range(30):  # what it expects least
        order = [model.tokenizer.decode([token]) for token in session.probabilities()[0].argsort().tolist()]
        unusual += next(character for character in order if character != "\n")
        session.feed(unusual[-1])
    lines = [usual] * 30 + [unusual] + [usual] * 3
    (tmp_path / "log").write_text("".join(f"{line}\n" for line in lines))
    module.main(str(small), str(tmp_path / "log"))
    marked = capsys.readouterr().out.splitlines()
    assert [number for number, line in enumerate(marked) if line.startswith(">>>")][:1] == [30]
    found = list(module.surprisals(model, [f"{line}\n" for line in lines]))
    assert len(found) == len(lines)
    log = list(module.made(1000))
    assert 3 < sum(any(one in line for one in module.STRANGE) for line in log) < 30
