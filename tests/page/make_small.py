"""python -m make_small FOLDER: what the page's tests look at, in one process, since the first export in one is slow.

smoke.html          an entry, by the command
hostile-KIND.html   of folders whose names, vocabularies, cards and texts are as bad as can be
model.bin           a small model as a page holds it; expected.json, what `trace` says of it, and what it writes
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from every_cell import ALPHABET
from hostile_texts import NAME, TEXTS

from rnnzoo import cli
from rnnzoo.models import LanguageModelConfig
from rnnzoo.page import write_page
from rnnzoo.page.contents import model_bytes
from rnnzoo.text import CharTokenizerConfig, WordTokenizer
from rnnzoo.zoo import save_folder

SMOKE = "char-rnn.tinyshakespeare"
TEXT, SEED = "abc def, bad.\ncab", 5


def smoke(folder: Path) -> None:
    assert cli.main(["export", SMOKE, str(folder / "smoke.html")]) == 0


def hostile(folder: Path) -> None:
    """Pages of models that were never trained."""
    text = "".join(TEXTS) + "\nabc"
    tokenizers = {
        "char": CharTokenizerConfig().build([text]),
        "word": WordTokenizer(["<unk>", "<eos>", *(word.replace(" ", "") for word in TEXTS)], "lines"),
    }
    for kind, tokenizer in tokenizers.items():
        torch.manual_seed(0)
        fields = {"embedding_dim": 6, "backbone": {"cell": "gru", "hidden_size": 8}}
        place = folder / kind / NAME
        model = LanguageModelConfig.from_dict(fields).build(tokenizer).eval()
        save_folder(place, model, metrics=_said(), recipe=text)
        (place / "README.md").write_text(text, encoding="utf-8")
        write_page(str(place), folder / f"hostile-{kind}.html", text=text)


def _said() -> dict[str, object]:
    """Scores and a corpus as nobody measured them."""
    return {
        "task": "char_lm",
        "recipe": NAME,
        "split": TEXTS[1],
        "bits_per_token": 1.5,
        "nll_per_token": 1.0,
        "perplexity": 2.0,
        "tokens": 5,
        "score_name": TEXTS[0],
        "corpus": {"name": TEXTS[0], "sha256": TEXTS[1], "split_rule": TEXTS[2]},
        "cell": TEXTS[1],
        "parameters": 7,
    }


def traced(folder: Path) -> None:
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
    place = Path(sys.argv[1])
    smoke(place)
    hostile(place)
    traced(place)
