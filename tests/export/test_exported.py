"""What `rnnzoo export` writes says what the model says, without PyTorch."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from exported import Exported, command, export, run_encoder, run_steps
from small_translator import small_translator
from tokenizers import Tokenizer

from rnnzoo import state as states
from rnnzoo.cells import builtin_cells
from rnnzoo.models import LanguageModel, LanguageModelConfig, Seq2Seq
from rnnzoo.text import WordTokenizer

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
BATCHES = [1, 3, 64]


def about(exported: Exported) -> Any:
    return json.loads(exported.out.with_suffix(".json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("rows", BATCHES)
def test_every_cell_says_the_same_over_200_steps(language_model: Exported, rows: int) -> None:
    torch.manual_seed(0)  # some cells have no bound: over 200 steps a few inputs in a thousand drive them out of scale
    model = language_model.model
    assert isinstance(model, LanguageModel)
    assert len(model.initial_state(1)[0]) == len(builtin_cells()) == 23
    assert run_steps(language_model, 200, model.initial_state(rows)) < 1e-4


@pytest.mark.parametrize(("rows", "steps"), [(1, 1), (3, 7), (64, 5)])
def test_translator_says_the_same(translator: Exported, rows: int, steps: int) -> None:
    worst, state, memory = run_encoder(translator, rows, steps)
    assert worst < 1e-4
    assert run_steps(translator, 200 if rows == 3 else 20, state, memory) < 1e-4


def test_rare_words_with_fewer_features_say_the_same(tmp_path: Path) -> None:
    words = WordTokenizer(["<eos>", "<unk>", *(f"w{i}" for i in range(30))])
    fields = {"embedding_dim": 16, "backbone": {"hidden_size": 16}, "adaptive_cutoffs": [6, 14], "tied": True}
    exported = export(LanguageModelConfig.from_dict(fields).build(words).eval(), tmp_path)
    assert isinstance(exported.model, LanguageModel)
    assert run_steps(exported, 100, exported.model.initial_state(3)) < 1e-4


def test_json_describes_the_files(language_model: Exported, translator: Exported) -> None:
    told = about(language_model)
    assert told["graphs"]["step"]["sha256"] == hashlib.sha256(language_model.out.read_bytes()).hexdigest()
    assert told["graphs"].keys() == {"step"}
    assert told["task"] == "char_lm"
    assert told["precision"] == "float32"
    inputs = {one["name"]: one for one in told["graphs"]["step"]["inputs"]}
    model = language_model.model
    assert isinstance(model, LanguageModel)
    for name, leaf in states.flatten(model.initial_state(1)).items():
        port = inputs.pop(f"state.{name}")
        assert port["shape"] == ["batch", *leaf.shape[1:]]
        first = np.broadcast_to(np.array(port["initial"], port["dtype"]), leaf.shape)
        np.testing.assert_array_equal(first, leaf.detach().numpy())
    assert inputs.keys() == {"tokens"}
    assert told["graphs"]["step"]["outputs"][0]["name"] == "logits"

    told = about(translator)
    assert [one["file"] for one in told["graphs"].values()] == ["out.onnx", "out.encoder.onnx"]
    given = {one["name"]: one for one in told["graphs"]["step"]["inputs"]}
    assert {"tokens", "state.layers.0.h", "state.fed", "memory.keys", "memory.values", "memory.mask"} <= given.keys()
    assert given["memory.keys"]["shape"][:2] == ["batch", "source"]
    written = {one["name"]: one for one in told["graphs"]["encoder"]["outputs"]}
    assert written == {name: one for name, one in given.items() if name != "tokens"}


def test_tokenizers_are_the_librarys(translator: Exported) -> None:
    told, model = about(translator)["tokenizers"], translator.model
    assert isinstance(model, Seq2Seq)
    for key, own in (("tokenizer", model.tgt_tokenizer), ("tokenizer.src", model.src_tokenizer)):
        text = own.decode(range(own.vocab_size))
        assert Tokenizer.from_str(json.dumps(told[key])).encode(text).ids == own.encode(text).tolist()


def without_torch(example: str, *words: str) -> str:
    """What an example prints in a process that cannot import torch or this package."""
    forbid = "import runpy, sys; sys.modules.update(torch=None, rnnzoo=None); sys.argv = sys.argv[1:]"
    code = f"{forbid}; runpy.run_path(sys.argv[0], run_name='__main__')"
    return command(["-c", code, str(EXAMPLES / example), *words]).removesuffix("\n")


def test_example_writes_text(language_model: Exported) -> None:
    model = language_model.model
    assert isinstance(model, LanguageModel)
    text = without_torch("onnx_generate.py", str(language_model.out), "abc,", "40")
    assert text.startswith("abc,")
    assert len(model.tokenizer.encode(text)) == 44


def test_examples_are_short() -> None:
    for path in EXAMPLES.glob("onnx_*.py"):
        code = [line for line in path.read_text().split('"""')[2].splitlines() if line]
        assert len(code) <= 30, path


def test_example_translates_as_the_model_does(translator: Exported) -> None:
    model = translator.model
    assert isinstance(model, Seq2Seq)
    sentence = "abc de, fgh."
    expected = model.translate(sentence, beam=1, max_len=2 * 13 + 10 - 1)[0]
    assert without_torch("onnx_translate.py", str(translator.out), sentence) == expected


def test_loads_in_torch_without_the_package(tmp_path: Path) -> None:
    """The archive of `torch.export.save` is the same function, and needs no class of ours."""
    model = export(small_translator(bidirectional=False).eval(), tmp_path, "out.pt2").model
    assert isinstance(model, Seq2Seq)
    code = f"""
import sys, torch
sys.modules["rnnzoo"] = None
encode = torch.export.load({str(tmp_path / "out.encoder.pt2")!r}).module()
step = torch.export.load({str(tmp_path / "out.pt2")!r}).module()
found = encode(torch.arange(12).view(3, 4) % 8, torch.tensor([4, 1, 3]))
state, memory = ({{k.partition(".")[2]: v for k, v in found.items() if k.startswith(p)}} for p in ("state", "memory"))
logits, state = step(torch.tensor([1, 2, 3]), state, memory)
torch.save(logits.detach(), {str(tmp_path / "logits.pt")!r})
"""
    command(["-W", "ignore", "-c", code])
    with torch.no_grad():
        encoded = model.encode(torch.arange(12).view(3, 4) % 8, torch.tensor([4, 1, 3]))
        expected, _ = model.step(torch.tensor([1, 2, 3]), *encoded)
    torch.testing.assert_close(torch.load(tmp_path / "logits.pt"), expected, atol=1e-5, rtol=1e-5)
