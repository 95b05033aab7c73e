"""Every task on several ranks: the gradients, perplexity and BLEU of one process, in float64.

The ranks are real processes (gloo), forked from this one, which has imported everything already;
`test_gradient_scaling` and `test_hardware` start some as a user does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import pytest
import small_lm
import small_pairs
import small_texts
import torch
from lightning.pytorch.callbacks import Callback

from rnnzoo.tasks import CharLM, TextClassifier, Translator, WordLM
from rnnzoo.training import LabelledData, PairData, StreamData

pytestmark = [
    *(pytest.mark.filterwarnings(filter) for filter in small_lm.FILTERS),
    pytest.mark.filterwarnings("ignore:.*is multi-threaded, use of fork"),  # Python 3.12; torch forks the same way
    # advice for those who fork where there is another way
    pytest.mark.filterwarnings("ignore:.*ddp_fork"),
]

LSTM = {"cell": "lstm", "hidden_size": 16}
LANGUAGE_MODELS: dict[str, dict[str, Any]] = {
    "char": {"embedding_dim": 6, "backbone": LSTM | {"num_layers": 2}},
    "word": {"embedding_dim": 6, "backbone": LSTM},
    "word-tied": {"embedding_dim": 16, "backbone": LSTM, "tied": True},
    "word-tied-last-layer": {"embedding_dim": 6, "backbone": LSTM | {"num_layers": 2, "output_size": 6}, "tied": True},
    "word-adaptive": {"embedding_dim": 6, "backbone": LSTM, "adaptive_cutoffs": [4, 30]},
    "word-adaptive-tied": {"embedding_dim": 16, "backbone": LSTM, "adaptive_cutoffs": [4, 30], "tied": True},
}
TRANSLATORS: dict[str, dict[str, Any]] = {
    "translator": {"shared": "none"},
    "translator-shared": {"shared": "decoder"},
}
CLASSIFIERS: dict[str, dict[str, Any]] = {
    "classifier": {"pooling": ["last", "attention"]},
    "classifier-both-ways": {"pooling": "max", "bidirectional": True},
}
TASKS = {**LANGUAGE_MODELS, **TRANSLATORS, **CLASSIFIERS}
CHEAP = ("word-adaptive", "translator", "classifier")  # the others take the same ways, and are run with the slow tests
EACH = [pytest.param(name, marks=() if name in CHEAP else pytest.mark.slow) for name in TASKS]


def write_words(folder: Path) -> Path:
    """Frequent words everywhere, rare ones here and there: a rank has chunks without any."""
    draw = torch.Generator().manual_seed(0)
    common = torch.randint(3, (700,), generator=draw).tolist()
    words = [f"rare{i // 9}" if i % 9 == 0 and i < 330 else f"w{common[i]}" for i in range(700)]
    path = folder / "words.txt"
    path.write_text("".join(f"{word}\n" if i % 11 == 0 else f"{word} " for i, word in enumerate(words)))
    return path


def made(folder: Path, name: str) -> tuple[Any, Any]:
    """The data and the task, from the same seeds whoever asks."""
    torch.manual_seed(7)
    options: dict[str, Any] = {"optimizer": {"name": "sgd", "lr": 0.5}}
    if name in TRANSLATORS:
        files = [str(file) for file in small_pairs.write(folder, 61)]
        given = {"files": files, "src": "en", "tgt": "fr", "tokenizer": "char", "batch_tokens": 100}
        pairs = PairData(given, seed=3)
        halves = {"encoder": {"cell": "gru", "hidden_size": 4}, "decoder": {"cell": "lstm", "hidden_size": 8}}
        model = {"embedding_dim": 8, **halves, **TRANSLATORS[name]}
        both = pairs.src_tokenizer, pairs.tgt_tokenizer
        return pairs, Translator(model, *both, label_smoothing=0.1, **options)
    if name in CLASSIFIERS:
        texts = LabelledData({"files": [str(small_texts.write(folder, 61))], "batch_tokens": 100}, seed=3)
        stack = {"labels": list(texts.labels), "embedding_dim": 6, "backbone": {"cell": "gru", "hidden_size": 8}}
        return texts, TextClassifier(stack | CLASSIFIERS[name], texts.tokenizer, label_smoothing=0.1, **options)
    words = name != "char"
    text = write_words(folder) if words else small_lm.write_text(folder / "text.txt", 480)
    given = {"files": [str(text)], "streams": 4, "chunk_len": 10, "eval_streams": 4}
    data = StreamData(given | {"tokenizer": "word" if words else "char"}, seed=3)
    penalties = {"activation": 2.0, "temporal": 1.0} if name == "word-tied" else None
    face = WordLM if words else CharLM
    return data, face(LANGUAGE_MODELS[name], data.tokenizer, regularization=penalties, **options)


class Noted(Callback):
    """The gradients that each optimiser step is given; and, in the end, a file of what a rank knows."""

    def __init__(self, path: Path) -> None:
        self.path, self.gradients = path, list[dict[str, torch.Tensor]]()

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        clip = pl_module.configure_gradient_clipping  # Lightning calls it last before the step, whether it clips or not

        def noted(*args: Any, **kwargs: Any) -> None:
            clip(*args, **kwargs)
            found = {name: p.grad for name, p in pl_module.named_parameters()}
            self.gradients.append({name: gradient.clone() for name, gradient in found.items() if gradient is not None})

        pl_module.configure_gradient_clipping = noted

    def on_fit_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        weights = {name: parameter.detach() for name, parameter in pl_module.named_parameters()}
        found = {"gradients": self.gradients, "weights": weights, "tokens": pl_module.tokens_trained}
        torch.save(found, f"{self.path}.{trainer.global_rank}")

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        if not trainer.training:
            scores = {name: float(value) for name, value in trainer.callback_metrics.items()}
            torch.save(scores, f"{self.path}.{trainer.global_rank}")


def on_ranks(folder: Path, name: str, ranks: int, **options: Any) -> list[Any]:
    """What each rank has noted of a training, or of a validation where there are no options."""
    data, task = made(folder, name)
    noted = Noted(folder / f"{name}-{ranks}")
    # without our CheckpointIO, since forked ranks give their weights back as a file that is no checkpoint
    several: dict[str, Any] = {"devices": ranks, "strategy": "ddp_fork", "plugins": []} if ranks > 1 else {}
    trainer = small_lm.trainer(noted, precision="64-true", use_distributed_sampler=False, **several, **options)
    if options:
        trainer.fit(task, datamodule=data)
    else:
        trainer.validate(task, datamodule=data, verbose=False)
    return [torch.load(f"{noted.path}.{rank}", weights_only=True) for rank in range(ranks)]


@pytest.mark.parametrize("name", EACH)
def test_two_ranks_have_the_gradients_of_one_process(tmp_path: Path, name: str) -> None:
    """Accumulated over two batches, with windows that are not full and streams of different length."""
    dealt_out = name in TRANSLATORS or name in CLASSIFIERS  # batches of pairs and texts are, streams are shared
    a_rank, alone = (2, 4) if dealt_out else (2, 2)
    fit: dict[str, Any] = {"limit_val_batches": 0, "max_epochs": 1}
    (expected,) = on_ranks(tmp_path, name, 1, accumulate_grad_batches=alone, **fit)
    two = on_ranks(tmp_path, name, 2, accumulate_grad_batches=a_rank, **fit)
    assert len(expected["gradients"]) >= 2
    assert sum(rank["tokens"] for rank in two) == expected["tokens"]
    for rank in two:
        assert len(rank["gradients"]) == len(expected["gradients"])
        for step, gradients in enumerate(expected["gradients"]):
            assert gradients.keys() == expected["weights"].keys() == rank["gradients"][step].keys()
            for key, gradient in gradients.items():
                assert gradient.dtype == torch.float64
                ours, where = rank["gradients"][step][key], f"step {step}, {key}"
                assert ours.shape == gradient.shape
                assert float((ours - gradient).abs().max()) <= 1e-12, where
        for key, weights in expected["weights"].items():
            torch.testing.assert_close(rank["weights"][key], weights, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", EACH)
def test_scores_are_equal_on_one_two_and_three_ranks(tmp_path: Path, name: str) -> None:
    """Four streams on three ranks, and batches of pairs that no number of ranks divides: everything counts once."""
    (expected,) = on_ranks(tmp_path, name, 1)
    assert ("val/bleu" in expected) == (name in TRANSLATORS)
    assert ("val/accuracy" in expected) == (name in CLASSIFIERS)
    for ranks in (2, 3):
        for scores in on_ranks(tmp_path, name, ranks):
            assert scores == pytest.approx(expected, rel=1e-12), ranks


class Drawn(Callback):
    """A file of what a rank draws when training begins, as a dropout would."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_batch_start(self, trainer: lightning.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            torch.save(torch.rand(4), f"{self.path}.{trainer.global_rank}")


def test_ranks_draw_other_dropouts_and_the_same_again(tmp_path: Path) -> None:
    def drawn(again: str) -> list[torch.Tensor]:
        data, task = made(tmp_path, "char")
        torch.manual_seed(5)
        several: dict[str, Any] = {"devices": 2, "strategy": "ddp_fork", "plugins": []}
        several |= {"use_distributed_sampler": False, "limit_val_batches": 0, "max_steps": 1, "max_epochs": 1}
        small_lm.trainer(Drawn(tmp_path / again), **several).fit(task, datamodule=data)
        return [torch.load(tmp_path / f"{again}.{rank}", weights_only=True) for rank in range(2)]

    first, second = drawn("first"), drawn("second")
    assert not torch.equal(first[0], first[1])
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
