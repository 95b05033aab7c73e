"""python -m make_pages FOLDER: a page of a language model over each cell's examples, and of a translator with each kind
of attention, and what PyTorch says of them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from every_cell import ALPHABET, examples
from hostile_texts import NAME, TEXTS
from small_translator import small_translator

from rnnzoo.models import LanguageModelConfig, Seq2SeqConfig
from rnnzoo.nn import AttentionConfig
from rnnzoo.page import write_page
from rnnzoo.text import CharTokenizerConfig
from rnnzoo.zoo import save_folder

SENTENCE = "abc, def."


@torch.no_grad()
def make(folder: Path) -> None:
    """NAME-NUMBER.html, and expected.json: a row of tokens, and the logits after each, by page."""
    expected = {}
    for number, cell in enumerate(examples()):
        torch.manual_seed(number)
        backbone = {"cell": cell.to_dict(), "hidden_size": 10, "num_layers": 2}
        config = LanguageModelConfig.from_dict({"embedding_dim": 6, "backbone": backbone})
        model = config.build(CharTokenizerConfig().build([ALPHABET])).eval()
        name = f"{cell.name}-{number}"
        save_folder(folder / name, model)
        write_page(str(folder / name), folder / f"{name}.html", text="abc def.\n")
        tokens = torch.randint(model.vocab_size, (1, 60))
        expected[name] = [tokens[0].tolist(), model(tokens)[0][0].tolist()]
    (folder / "expected.json").write_text(json.dumps(expected), encoding="utf-8")


def make_translators(folder: Path) -> None:
    """translator-KIND.html, and translators.json: what `trace` says of a sentence, by kind."""
    expected = {}
    for kind in [*AttentionConfig.names(), None]:
        model = small_translator(attention=kind, bridge="projected", reverse_source=kind == "general").eval()
        save_folder(folder / f"translator-{kind}", model)
        write_page(str(folder / f"translator-{kind}"), folder / f"translator-{kind}.html")
        found = model.trace(SENTENCE)
        arrays = {name: array.tolist() for name, array in found.items()}
        expected[str(kind)] = {"arrays": arrays, "written": model.translate([SENTENCE])[0]}
    (folder / "translators.json").write_text(json.dumps(expected), encoding="utf-8")


def make_pair(folder: Path) -> None:
    """two.html, of a plain RNN and an LSTM side by side."""
    places = []
    for cell in ("rnn", "lstm"):
        torch.manual_seed(3)
        config = LanguageModelConfig.from_dict({"embedding_dim": 6, "backbone": {"cell": cell, "hidden_size": 10}})
        places.append(folder / f"two-{cell}")
        save_folder(places[-1], config.build(CharTokenizerConfig().build([ALPHABET])).eval())
    write_page([str(place) for place in places], folder / "two.html", text="abc def, gh.\n" * 20)


def make_hostile_translator(folder: Path) -> None:
    """hostile.html, of a translator between languages of scripts."""
    torch.manual_seed(1)
    tokenizer = CharTokenizerConfig().build(["".join(TEXTS)])
    fields = {"encoder": {"cell": "gru", "hidden_size": 4}, "decoder": {"cell": "gru", "hidden_size": 8}}
    save_folder(folder / NAME, Seq2SeqConfig.from_dict({"embedding_dim": 6, **fields}).build(tokenizer).eval())
    write_page(str(folder / NAME), folder / "hostile.html", text="".join(TEXTS))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
    make_translators(Path(sys.argv[1]))
    make_pair(Path(sys.argv[1]))
    make_hostile_translator(Path(sys.argv[1]))
