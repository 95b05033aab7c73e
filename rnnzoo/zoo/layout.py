"""The names of the files of a model's folder."""

from __future__ import annotations

__all__ = ["ENTRY", "ENTRY_FILES", "NEEDED", "SCHEMA", "TOKENIZER", "TOKENIZERS", "WEIGHED"]

SCHEMA = 1
"""The version of ``config.json`` and ``metrics.json``."""

TOKENIZER = "tokenizer.json"
TOKENIZERS = (TOKENIZER, "tokenizer.src.json")
"""The files that the tokenizers of any kind may lie in; an entry has no others."""

WEIGHED = ("config.json", "model.safetensors", TOKENIZER)
"""The files that make the model, whose hashes metrics.json holds; a translator may have one more."""

ENTRY = "entry.json"
NEEDED = ("config.json", "metrics.json", "model.safetensors", TOKENIZER)
_OTHERS = ("golden.safetensors", "recipe.yaml", "README.md", "curve.png", "confusion.png", "samples.txt")
ENTRY_FILES = (*dict.fromkeys((*NEEDED, *TOKENIZERS)), *_OTHERS)
"""The files that a zoo entry may have beside entry.json; no others are downloaded, uploaded or opened."""
