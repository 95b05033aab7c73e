"""Training an encoder-decoder: the loss, what is logged, and that it learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import pytest
import small_pairs
import torch

from rnnzoo.models import Seq2SeqConfig
from rnnzoo.nn import IGNORED
from rnnzoo.tasks import Translator
from rnnzoo.training import PairData

SMALL = {
    "embedding_dim": 16,
    "encoder": {"cell": "gru", "hidden_size": 16},
    "decoder": {"cell": "gru", "hidden_size": 32},
    "shared": "all",
}


def data(folder: Path, count: int = 40, **fields: Any) -> PairData:
    files = [str(file) for file in small_pairs.write(folder, count)]
    made = PairData(files=files, src="en", tgt="fr", tokenizer="char", **{"batch_tokens": 200} | fields)
    made.setup("fit")
    return made


def task(pairs: PairData, label_smoothing: float = 0.0, **fields: Any) -> Translator:
    torch.manual_seed(0)
    model = Seq2SeqConfig.from_dict(SMALL | fields)
    optimizer = {"name": "adamw", "lr": 2e-2}
    return Translator(
        model, pairs.src_tokenizer, pairs.tgt_tokenizer, optimizer, "constant", label_smoothing=label_smoothing
    )


def trainer(folder: Path, **options: Any) -> lightning.Trainer:
    quiet = {"enable_progress_bar": False, "enable_checkpointing": False, "enable_model_summary": False}
    defaults = {"logger": False, "log_every_n_steps": 1, "num_sanity_val_steps": 0, "accelerator": "cpu"}
    return lightning.Trainer(default_root_dir=folder, **quiet | defaults | options)


def test_the_loss_is_the_smoothed_one_and_what_is_logged_is_not(tmp_path: Path) -> None:
    pairs = data(tmp_path)
    made = task(pairs, label_smoothing=0.1).double()
    batch = next(iter(pairs.train_dataloader()))
    log_p = made.model(batch.src, batch.src_lengths, batch.tgt).log_softmax(-1)
    counted = batch.targets != IGNORED
    picked = log_p[counted].gather(1, batch.targets[counted][:, None]).sum()
    smooth = log_p[counted].mean(-1).sum()
    found = made.training_step(batch, 0)
    torch.testing.assert_close(found.detach(), (-0.9 * picked - 0.1 * smooth).float().detach().to(found.dtype))
    assert made._window == batch.num_targets == int(counted.sum())
    torch.testing.assert_close(made._window_nats, -picked.detach().to(made._window_nats.dtype), rtol=1e-6, atol=1e-4)


def test_it_learns_pairs_by_heart(tmp_path: Path) -> None:
    files = [str(file) for file in small_pairs.write(tmp_path, 24)]
    pairs = data(tmp_path, 24, valid_files=files, batch_tokens=400)
    made = task(pairs)
    fit = trainer(tmp_path, max_epochs=120, check_val_every_n_epoch=120)
    fit.fit(made, datamodule=pairs)
    assert float(fit.callback_metrics["val/bleu"]) > 99
    assert float(fit.callback_metrics["val/nll"]) < 0.05
    assert {"val/ppl", "val/bits", "train/nll"} <= set(fit.callback_metrics)
    sources, targets = small_pairs.pairs(24)
    for example in made.examples:
        assert example.translation == example.reference == targets[sources.index(example.source)]


def test_the_score_does_not_depend_on_batches(tmp_path: Path) -> None:
    found = []
    for tokens in (30, 100, 10_000):
        pairs = data(tmp_path, 60, batch_tokens=tokens)
        made = task(pairs).double()
        scores = trainer(tmp_path, precision="64-true").validate(made, datamodule=pairs, verbose=False)[0]
        found.append((scores["val/nll"], scores["val/bleu"]))
    for nll, bleu in found[1:]:
        assert nll == pytest.approx(found[0][0], abs=1e-6)
        assert bleu == found[0][1]


def test_validation_translates_as_translate_does(tmp_path: Path) -> None:
    pairs = data(tmp_path)
    made = task(pairs)
    with torch.no_grad():
        made.model.head.bias[made.model.boundary] = -20.0  # it never ends: both stop at the same limit
    trainer(tmp_path).validate(made, pairs, verbose=False)
    sources = [example.source for example in made.examples]
    assert [example.translation for example in made.examples] == made.translate(sources, beam=1)
    assert len(made.examples[0].translation) > 2 * len(sources[0]) + 20


def test_a_checkpoint_loads_without_anything_else(tmp_path: Path) -> None:
    pairs = data(tmp_path)
    made = task(pairs)
    fit = trainer(tmp_path, max_steps=2, limit_val_batches=0)
    fit.fit(made, datamodule=pairs)
    fit.save_checkpoint(tmp_path / "it.ckpt")
    again = Translator.load_from_checkpoint(tmp_path / "it.ckpt", weights_only=True)
    for a, b in zip(made.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert again.model.src_tokenizer == made.model.src_tokenizer


def test_label_smoothing_is_a_share(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="label_smoothing"):
        task(data(tmp_path), label_smoothing=1.5)
