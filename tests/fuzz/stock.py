"""The little models, runs, texts and vectors that cases begin with: made once for each process that forks."""

from __future__ import annotations

import gzip
import os
import shutil
import zipfile
from pathlib import Path

from small_lm import write_text
from small_pairs import write as write_pairs
from small_texts import write as write_texts

__all__ = ["FILES", "RECIPES", "make_stock", "take"]

_END = """
optimizer: {name: adamw, lr: 1e-2}
schedule: {name: constant}
trainer: {max_steps: 6, max_epochs: -1, accelerator: cpu, log_every_n_steps: 2, enable_progress_bar: false}
checkpoint_every: 2
"""

RECIPES = {
    "lm": """task: char_lm
data: {files: [text.txt], streams: 4, chunk_len: 12, eval_streams: 2}
model: {embedding_dim: 6, backbone: {cell: lstm, hidden_size: 8}}
"""
    + _END,
    "words": """task: word_lm
data: {files: [words.txt], streams: 2, chunk_len: 8, eval_streams: 2, tokenizer: {name: word, style: raw}}
model: {embedding_dim: 6, backbone: {cell: gru, hidden_size: 8}}
"""
    + _END,
    "mt": """task: translator
data: {files: [pairs.src, pairs.tgt], src: xx, tgt: yy, tokenizer: {name: char}, batch_tokens: 200}
model: {embedding_dim: 6, encoder: {cell: gru, hidden_size: 6}, decoder: {cell: gru, hidden_size: 6}}
search: {beam: 1, max_len: 8}
"""
    + _END,
    "cls": """task: classifier
data: {files: [texts.csv], tokenizer: {name: char}, batch_tokens: 100, test_part: true}
model: {embedding_dim: 6, backbone: {cell: gru, hidden_size: 6}, pooling: [last, mean]}
"""
    + _END,
}
"""Runs of a few steps of each task."""

FILES = {"lm": ["text.txt"], "words": ["words.txt"], "mt": ["pairs.src", "pairs.tgt"], "cls": ["texts.csv"]}
"""What each of them reads."""


def make_stock(stock: Path) -> None:
    """Writes all of it; runs in the process that forks."""
    from small_classifier import make_classifier
    from small_entry import make
    from small_translator import make_translator

    from rnnzoo.cli import main

    stock.mkdir(parents=True)
    os.chdir(stock)
    write_text(stock / "text.txt", 480)
    words = "the cat sat on a mat and the dog ran to the cat . "
    (stock / "words.txt").write_text(words * 12)
    write_pairs(stock, 40)
    write_texts(stock, 60)
    rows = zip(*((stock / name).read_text().splitlines() for name in ("pairs.src", "pairs.tgt")), strict=True)
    (stock / "pairs.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in rows))
    for name, recipe in RECIPES.items():
        (stock / f"{name}.yaml").write_text(recipe)
        assert main(["train", f"{name}.yaml"]) == 0
        shutil.copytree(stock / "runs" / name / "1", stock / "going" / "runs" / name / "1")
        going = stock / "going" / "runs" / name / "1"
        for path in going.iterdir():
            if path.name not in ("run.json", "recipe.yaml", "history.jsonl", "checkpoints"):
                path.unlink()
        newest = max(going.glob("checkpoints/step-*.ckpt"))
        for path in going.glob(f"checkpoints/{newest.name}*"):  # so that there is a step to go on with
            path.unlink()
    for name in ("made", "made-mt", "made-cls"):
        (stock / name).mkdir()
    made, translator = make(stock / "made"), make_translator(stock / "made-mt")
    shutil.copytree(made.entry, stock / "entry")
    shutil.copytree(translator.entry, stock / "entry-mt")
    shutil.copytree(make_classifier(stock / "made-cls").entry, stock / "entry-cls")
    shutil.copy(made.text, stock / "poem.txt")
    for file in translator.files:
        shutil.copy(file, stock)
    assert main(["data", "build", "shards", "--text", "text.txt", "--shard-characters", "200"]) == 0
    _vectors(stock)


def _vectors(stock: Path) -> None:
    import random

    draw, words = random.Random(1), ["the", "cat", "sat", "on", "a", "mat", "and", "dog", "ran", "to"]
    rows = "".join(f"{word} {' '.join(f'{draw.uniform(-1, 1):.3f}' for _ in range(6))}\n" for word in words)
    (stock / "vectors.txt").write_text(rows)
    (stock / "vectors.vec").write_text(f"{len(words)} 6\n{rows}")
    (stock / "vectors.txt.gz").write_bytes(gzip.compress(rows.encode(), mtime=0))
    with zipfile.ZipFile(stock / "vectors.zip", "w") as archive:
        archive.writestr("vectors.txt", rows)
    from embeddings import vector_files

    model, _ = vector_files.fasttext(words, dim=6)
    (stock / "vectors.ftz.bin").write_bytes(model)
    rows_of = {word: [draw.uniform(-1, 1) for _ in range(6)] for word in words}
    (stock / "vectors.bin").write_bytes(vector_files.word2vec(rows_of, newline=True))


def take(stock: Path, folder: Path, *names: str) -> None:
    """Copies files and folders of the stock into a case's folder; the run ``runs/lm/1`` as the folder ``lm``."""
    for name in names:
        source, target = stock / name, folder / Path(name.removesuffix("/1")).name
        shutil.copytree(source, target, symlinks=True) if source.is_dir() else shutil.copy(source, target)
