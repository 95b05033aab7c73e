"""python -m hostile_page KIND FOLDER: a page of a folder whose name, vocabulary and text are as bad as can be."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from test_hostile_pages import TEXTS

from rnnzoo.models import LanguageModelConfig
from rnnzoo.page import write_page
from rnnzoo.text import CharTokenizerConfig, WordTokenizer
from rnnzoo.zoo import save_folder


def make(kind: str, folder: Path) -> None:
    """page.html, of a model that was never trained."""
    torch.manual_seed(0)
    text = "".join(TEXTS) + "\nabc"
    words = WordTokenizer(["<unk>", "<eos>", *(word.replace(" ", "") for word in TEXTS)], "lines")
    tokenizer = CharTokenizerConfig().build([text]) if kind == "char" else words
    fields = {"embedding_dim": 6, "backbone": {"cell": "gru", "hidden_size": 8}}
    name = "<script>globalThis.owned = 5<|script> \u202e'\"".replace("|", "\u2215")
    save_folder(folder / name, LanguageModelConfig.from_dict(fields).build(tokenizer).eval())
    write_page(f"{folder}/{name}", folder / "page.html", text=text)


if __name__ == "__main__":
    make(sys.argv[1], Path(sys.argv[2]))
