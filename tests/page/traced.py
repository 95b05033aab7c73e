"""python -m traced FOLDER: a small model as a page holds it, what `trace` says of a text, and what it writes on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from every_cell import ALPHABET

from rnnzoo.models import LanguageModelConfig
from rnnzoo.page.contents import model_bytes
from rnnzoo.text import CharTokenizerConfig
from rnnzoo.zoo import save_folder

TEXT, SEED = "abc def, bad.\ncab", 5


def make(folder: Path) -> None:
    torch.manual_seed(2)
    fields = {"embedding_dim": 6, "init_range": 0.7, "backbone": {"cell": "lstm", "hidden_size": 9, "num_layers": 2}}
    model = LanguageModelConfig.from_dict(fields).build(CharTokenizerConfig().build([ALPHABET])).eval()
    save_folder(folder / "model", model)
    (folder / "model.bin").write_bytes(model_bytes("model", folder / "model", text=TEXT))
    arrays = {name: array.tolist() for name, array in model.trace(TEXT).items()}
    sampling = {"temperature": 0.8, "top_k": 9, "top_p": 0.9, "min_p": 0.02}
    written = model.generate(TEXT, max_new_tokens=60, seed=SEED, backend="torch", **sampling)[0]
    (folder / "expected.json").write_text(json.dumps({"arrays": arrays, "written": written}), encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
