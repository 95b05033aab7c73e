"""Pairs as a data module: what is read, what is refused, and training that stops, resumes and is shared exactly."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightning
import pytest
import small_lm
import small_pairs
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint

import rnnzoo
from rnnzoo.data.pair_batches import PairBatch
from rnnzoo.errors import UserError
from rnnzoo.models import Seq2SeqConfig
from rnnzoo.tasks import Translator
from rnnzoo.text import CharTokenizer, tokenizer_from_dict
from rnnzoo.training import PairData, PairDataConfig

pytestmark = [pytest.mark.filterwarnings(filter) for filter in small_lm.FILTERS]

SMALL = {
    "embedding_dim": 6,
    "encoder": {"cell": "gru", "hidden_size": 4},
    "decoder": {"cell": "lstm", "hidden_size": 8},
}
PAIRS = 60  # of which 54 are trained on


def pair_data(folder: Path, seed: int = 3, **fields: Any) -> PairData:
    files = [str(file) for file in small_pairs.write(folder, PAIRS)]
    given = {"files": files, "src": "en", "tgt": "fr", "tokenizer": "char", "batch_tokens": 150}
    return PairData(given | fields, seed=seed)


def translator(data: PairData, **options: Any) -> Translator:
    torch.manual_seed(7)
    model, optimizer = options.pop("model", Seq2SeqConfig.from_dict(SMALL)), {"name": "sgd", "lr": 0.5}
    return Translator(model, data.src_tokenizer, data.tgt_tokenizer, **{"optimizer": optimizer} | options)


class Rank:
    def __init__(self, rank: int, ranks: int, limit: int | float = 1.0) -> None:
        self.global_rank, self.world_size, self.limit_train_batches, self.current_epoch = rank, ranks, limit, 0


class Seen(Callback):
    """The pairs and the loss of each batch; a checkpoint after each step where there is a folder."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.nats: list[str] = []
        self.epochs: list[int] = []

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: PairBatch, batch_idx: int
    ) -> None:
        self.batches.append(batch.indices.tolist())
        self.nats.append(float(outputs["loss"].detach()).hex())
        self.epochs.append(trainer.current_epoch)


class EveryStep(Checkpoint):
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_batch_end(self, trainer: lightning.Trainer, *args: Any, **kwargs: Any) -> None:
        trainer.save_checkpoint(self.folder / f"step-{trainer.global_step}.ckpt")


# ------------------------------------------------------------------------------------------ the pairs


def test_batches_are_the_corpus(tmp_path: Path) -> None:
    data = pair_data(tmp_path, test_part=True)
    data.setup("fit")
    sources, targets = small_pairs.pairs(PAIRS)
    for loader, part in (
        (data.train_dataloader(), slice(0, 48)),
        (data.val_dataloader(), slice(48, 54)),
        (data.test_dataloader(), slice(54, 60)),
    ):
        found = {}
        for batch in loader:
            for row, index in enumerate(batch.indices.tolist()):
                src = data.src_tokenizer.decode(batch.src[row, : batch.src_lengths[row] - 1])
                targets_ = batch.targets[row][(batch.targets[row] >= 0)]
                assert targets_[-1] == data.tgt_tokenizer.vocab_size
                found[index] = src, data.tgt_tokenizer.decode(targets_[:-1])
        assert [found[i] for i in range(len(found))] == list(zip(sources[part], targets[part], strict=True))
    longest = max(len(source) for source in sources[:48]) + 1
    assert data.longest_source == longest
    assert pair_data(tmp_path).test_dataloader().pairs is not None  # without a test part, that of validation


def test_a_table_and_its_columns(tmp_path: Path) -> None:
    sources, targets = small_pairs.pairs(PAIRS)
    table = tmp_path / "pairs.tsv"
    rows = [f"{i}\t{t}\t{s}\n" for i, (s, t) in enumerate(zip(sources, targets, strict=True))]
    table.write_text("".join(rows), encoding="utf-8")
    data = pair_data(tmp_path, files=[], tsv=str(table), columns=[3, 2])
    assert data.corpus.splits["train"] == pair_data(tmp_path).corpus.splits["train"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"corpus": "multi30k", "files": ["a", "b"]}, "exclude each other"),
        ({"tsv": "a.tsv", "hub": "a/b"}, "exclude each other"),
        ({"batch_tokens": 0}, "1 <= batch_tokens"),
        ({"columns": [1, 1]}, "two different ones"),
        ({"columns": [0, 1]}, r"1 <= columns\[0\]"),
        ({"columns": [1, 2, 3]}, "expected"),
        ({"test_part": True, "test_files": ["a", "b"]}, "test_part and test_files"),
        ({"src_tokenizer": "word"}, "a joint vocabulary has one tokenizer"),
        ({"batch_token": 3}, r"data\.batch_token: unknown field \(did you mean 'batch_tokens'"),
        ({"tokenizer": "bpx"}, "unknown tokenizer 'bpx'"),
    ],
)
def test_bad_fields(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        PairData(fields)


def test_fields_by_name_and_by_config(tmp_path: Path) -> None:
    config = PairDataConfig(files=("a", "b"), batch_tokens=2)
    assert PairData(config, joint=False).config == PairData(files=["a", "b"], batch_tokens=2, joint=False).config
    assert PairDataConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_vocabularies(tmp_path: Path) -> None:
    """Joint or apart; words of the training part only, an alphabet of all parts; those that are given stay."""
    data = pair_data(tmp_path)
    assert data.src_tokenizer is data.tgt_tokenizer
    both = set(data.src_tokenizer.token_texts())
    apart = pair_data(tmp_path, joint=False)
    assert set(apart.src_tokenizer.token_texts()) | set(apart.tgt_tokenizer.token_texts()) == both
    assert "x" in apart.tgt_tokenizer.token_texts()
    assert "x" not in apart.src_tokenizer.token_texts()
    mixed = pair_data(tmp_path, joint=False, src_tokenizer="word")
    assert (mixed.src_tokenizer.kind, mixed.tgt_tokenizer.kind) == ("word", "char")
    words = pair_data(tmp_path, joint=False, tokenizer="word")
    train, valid = (words.corpus.splits[part][0] for part in ("train", "valid"))
    known = {word for sentence in train for word in sentence.split()}
    assert set(words.src_tokenizer.token_texts()) == known | {"<unk>", "<eos>"}
    assert {word for sentence in valid for word in sentence.split()} - known
    assert words.pairs("train").src_lengths.tolist() == [len(sentence.split()) + 1 for sentence in train]  # no <eos>
    assert PairData(words.config, tokenizers=apart.tokenizers).src_tokenizer is apart.src_tokenizer
    pieces = pair_data(tmp_path, tokenizer={"name": "bpe", "vocab_size": 270})
    assert pieces.src_tokenizer == tokenizer_from_dict(pieces.tgt_tokenizer.to_dict())
    assert pieces.longest_source < data.longest_source


def write(folder: Path, sources: str, targets: str) -> list[str]:
    folder.mkdir(exist_ok=True)
    for name, text in (("src", sources), ("tgt", targets)):
        (folder / name).write_text(text, encoding="utf-8")
    return [str(folder / "src"), str(folder / "tgt")]


def test_unknown_characters_are_found_in_setup(tmp_path: Path) -> None:
    valid = write(tmp_path / "valid", "ba ß\n", "no\n")
    fresh = pair_data(tmp_path, valid_files=valid)
    fresh.setup("fit")  # an alphabet is that of all parts
    known = CharTokenizer(sorted(set("".join(map("".join, small_pairs.pairs(PAIRS))))))
    data = PairData(fresh.config, tokenizers=(known, known))
    with pytest.raises(UserError, match=r"pairs\.src: the valid part: .*'ß'") as caught:
        data.setup("fit")
    assert "\n" not in str(caught.value)


def test_too_few_pairs(tmp_path: Path) -> None:
    one = write(tmp_path / "one", "ba\n", "no\n")
    with pytest.raises(UserError, match="too few"):
        pair_data(tmp_path, files=one).setup("fit")
    data = pair_data(tmp_path, batch_tokens=100_000)
    data.setup("fit")
    data.trainer = Rank(0, 2)  # type: ignore[assignment]
    with pytest.raises(UserError, match=r"54 training pairs make 1 batches .*too few for 2 ranks: lower it"):
        data.setup("fit")
    with pytest.raises(UserError, match=r"has no part 'test' \(it has train, valid\)"):
        data.pairs("test")


def test_batches_and_ranks(tmp_path: Path) -> None:
    data = pair_data(tmp_path)
    whole = data.batches_per_epoch
    seen: list[int] = []
    for rank in range(4):
        data.trainer = Rank(rank, 4)  # type: ignore[assignment]
        loader = data.train_dataloader()
        assert len(loader) == data.batches_per_epoch == -(-whole // 4)
        seen += [index for batch in loader for index in batch.indices.tolist() if index >= 0]
        assert len(list(data.val_dataloader())) == 1  # also where there is one batch for all
    assert sorted(seen) == list(range(54))
    for limit, expected in ((2, 2), (0.5, whole // 2), (100, whole), (0, 0)):
        data.trainer = Rank(0, 1, limit)  # type: ignore[assignment]
        assert data.batches_per_epoch == expected


# ------------------------------------------------------------------------------------------ training


def run(folder: Path, *callbacks: Callback, checkpoint: Path | None = None, **options: Any) -> tuple[Seen, Translator]:
    lightning.seed_everything(5 if checkpoint is None else 99, verbose=False)
    data, seen = pair_data(folder), Seen()
    model = Seq2SeqConfig.from_dict(SMALL | {"input_dropout": 0.1, "output_dropout": 0.2})
    module = translator(data, model=model, optimizer="adamw", schedule="one_cycle", label_smoothing=0.1)
    fit = small_lm.trainer(seen, *callbacks, **{"max_epochs": 3, "gradient_clip_val": 1.0} | options)
    fit.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    return seen, module


@pytest.mark.parametrize("options", [{}, {"limit_train_batches": 4}], ids=["whole", "limited"])
def test_resumes_bit_for_bit(tmp_path: Path, options: dict[str, Any]) -> None:
    straight, trained = run(tmp_path, EveryStep(tmp_path), **options)
    per_epoch = len(straight.nats) // 3
    assert straight.epochs.count(1) == per_epoch
    for step in (2, per_epoch, per_epoch + 1):
        resumed, module = run(tmp_path, checkpoint=tmp_path / f"step-{step}.ckpt", **options)
        assert resumed.nats == straight.nats[step:], step
        assert resumed.batches == straight.batches[step:]
        for key, value in trained.state_dict().items():
            assert value.equal(module.state_dict()[key]), (step, key)


class Stop(Callback):
    """The end of a process, some steps before the next checkpoint."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: lightning.Trainer, *args: Any, **kwargs: Any) -> None:
        if trainer.global_step == self.step:
            raise RuntimeError("stopped")


def test_a_recipe_resumes_in_the_middle_of_an_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`rnnzoo.train` on two files: a run that broke off, resumed, has the losses and weights of one that did not."""
    module = importlib.import_module("rnnzoo.tasks.training_run")
    files = [str(file) for file in small_pairs.write(tmp_path, PAIRS)]
    given = {
        **{"files": files, "src": "en", "tgt": "fr", "batch_tokens": 150, "epochs": 2, "embedding_dim": 8},
        **{"model.encoder.hidden_size": 4, "model.decoder.hidden_size": 8, "checkpoint_every": 3, "shown": 0},
        **{"trainer.enable_progress_bar": False, "data.tokenizer": "char", "seed": 2},
    }
    build = module.build_trainer

    def stopped(runs: str, step: int, **options: Any) -> tuple[Seen, dict[str, torch.Tensor]]:
        """The losses up to that step, and the weights of the last checkpoint before it."""
        extra = [seen := Seen(), Stop(step)]
        monkeypatch.setattr(module, "build_trainer", lambda plan, path, calls: build(plan, path, [*calls, *extra]))
        with pytest.raises(RuntimeError, match="stopped"):
            rnnzoo.train("mt-gru.own-pairs", runs=tmp_path / runs, settings=given, **options)
        last = max((tmp_path / runs).glob("*/*/checkpoints/step-*.ckpt"))
        return seen, torch.load(last, weights_only=True)["state_dict"]

    whole, weights = stopped("whole", 14)
    first, _ = stopped("broken", 5)
    rest, resumed = stopped("broken", 14, resume=True)
    assert set(whole.epochs) == {0, 1}
    assert first.epochs[-1] == 0
    assert first.nats == whole.nats[:5]
    assert rest.nats == whole.nats[3:]  # the last checkpoint was that of step 3
    assert rest.batches == whole.batches[3:]
    for name, value in weights.items():
        assert value.equal(resumed[name]), name


def test_other_pairs_are_refused(tmp_path: Path) -> None:
    data = pair_data(tmp_path)
    data.train_dataloader()
    state = data.state_dict()
    for fields, message in (
        ({"batch_tokens": 140}, "batch_tokens was 150, is now 140"),
        ({"seed": 4}, "seed was 3, is now 4"),
        ({"test_part": True}, "pairs was 54, is now 48, source tokens was"),
        ({"tokenizer": "word"}, "source tokens was"),
    ):
        with pytest.raises(UserError, match=message):
            pair_data(tmp_path, **fields).load_state_dict(state)
    fresh = pair_data(tmp_path)
    assert fresh.state_dict() == {}
    fresh.load_state_dict({})
    assert {type(value) for value in state.values()} == {int, dict}


# ------------------------------------------------------------------------------------- ranks and steps


def joined(batches: list[PairBatch]) -> PairBatch:
    """One batch of all their rows, padded anew."""
    src, tgt = (max(getattr(b, name).size(1) for b in batches) for name in ("src", "tgt"))

    def pad(name: str, width: int, value: int) -> torch.Tensor:
        parts = [getattr(b, name) for b in batches]
        return torch.cat([torch.nn.functional.pad(p, (0, width - p.size(1)), value=value) for p in parts])

    lengths, indices = (torch.cat([getattr(b, name) for b in batches]) for name in ("src_lengths", "indices"))
    targets, inputs = pad("targets", tgt, -100), pad("tgt", tgt, 0)
    return PairBatch(pad("src", src, 0), lengths, inputs, targets, indices, sum(b.num_targets for b in batches))


def gradients(data: PairData, batches: list[PairBatch], accumulate: int) -> dict[str, torch.Tensor]:
    """What the optimiser is given."""
    found: dict[str, torch.Tensor] = {}
    task = translator(data, label_smoothing=0.1)
    clip = task.configure_gradient_clipping  # Lightning calls it last before the step, whether it clips or not

    def noted(*args: Any, **kwargs: Any) -> None:
        clip(*args, **kwargs)
        found.update({name: p.grad.clone() for name, p in task.named_parameters() if p.grad is not None})

    task.configure_gradient_clipping = noted  # type: ignore[method-assign]
    options = {"limit_val_batches": 0, "precision": "64-true", "accumulate_grad_batches": accumulate}
    small_lm.trainer(**options).fit(task, small_lm.Chunks(batches))  # type: ignore[arg-type]
    return found


def test_a_split_batch_has_the_gradient_of_the_whole(tmp_path: Path) -> None:
    """In two micro-batches, with an empty one, in one: the same to 1e-12."""
    data = pair_data(tmp_path)
    first, second = list(data.train_dataloader())[:2]
    data.trainer = Rank(3, 4)  # type: ignore[assignment]
    empty = list(data.train_dataloader())[-1]
    assert not empty.num_targets
    whole = gradients(data, [joined([first, second])], 1)
    assert max(float(gradient.abs().max()) for gradient in whole.values()) > 1e-3
    for parts in ([first, second], [second, first], [first, empty, second]):
        for name, gradient in gradients(data, parts, len(parts)).items():
            torch.testing.assert_close(gradient, whole[name], rtol=0, atol=1e-12, msg=name)


@pytest.mark.slow  # tests/tasks/test_ranks.py has a cheaper one, with forked processes
def test_two_ranks(tmp_path: Path) -> None:
    """Two real processes (gloo): steps, weights and scores of one process that accumulates two batches."""
    data, seen = pair_data(tmp_path), Seen()
    assert data.batches_per_epoch % 2 == 1, "the test does not try what it says"
    module = translator(data)
    fit = small_lm.trainer(seen, precision="64-true", max_epochs=2, accumulate_grad_batches=2)
    fit.fit(module, datamodule=data)
    here = Path(__file__).resolve().parent
    command = [sys.executable, str(here / "pair_ranks.py"), str(tmp_path), str(tmp_path / "out")]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=small_lm.environment(here), timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = (json.loads((tmp_path / f"out.{rank}.json").read_text()) for rank in range(2))
    turns = [batch for step in zip(one["batches"], two["batches"], strict=True) for batch in step]
    assert turns.count([-1]) == 2  # one an epoch
    assert [batch for batch in turns if batch != [-1]] == seen.batches
    assert one["tokens"] + two["tokens"] == module.tokens_trained
    for rank in (one, two):
        for name, parameter in module.named_parameters():
            weights = torch.tensor(rank["weights"][name], dtype=torch.float64)
            torch.testing.assert_close(weights, parameter.detach(), rtol=0, atol=1e-12, msg=name)
        expected = [float(fit.callback_metrics[name]) for name in ("val/nll", "val/bleu")]
        assert rank["val"] == pytest.approx(expected, abs=1e-9)
        assert rank["examples"] == [list(example) for example in module.examples]  # the empty batch says nothing


@pytest.mark.parametrize("before", [2, 3])
def test_resumes_on_another_number_of_ranks(tmp_path: Path, before: int) -> None:
    """A checkpoint as `before` ranks write it, after two steps of the second epoch, goes on with one."""
    straight, _ = run(tmp_path, EveryStep(tmp_path))
    per_epoch = len(straight.batches) // 3
    done = per_epoch + 2 * before
    checkpoint = torch.load(tmp_path / f"step-{done}.ckpt", weights_only=True)
    (name,) = (key for key in checkpoint if key.startswith("PairData"))
    assert checkpoint[name]["batch"] == 2 * before
    checkpoint[name]["ranks"] = before
    checkpoint["rnnzoo"]["ranks"] *= before
    for counts in checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"].values():
        if isinstance(counts, dict):
            for key, value in counts.items():
                counts[key] = value - (2 * before - 2)
    torch.save(checkpoint, tmp_path / "ranks.ckpt")
    resumed, _ = run(tmp_path, Validated(seen := []), checkpoint=tmp_path / "ranks.ckpt")
    assert resumed.batches == straight.batches[done:]
    assert resumed.epochs == straight.epochs[done:]
    assert seen == [1, 2]  # both epochs come to their end


class Validated(Callback):
    """The epochs after which there was a validation."""

    def __init__(self, epochs: list[int]) -> None:
        self.epochs = epochs

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        self.epochs.append(trainer.current_epoch)


def test_bpe_dropout_is_for_training_and_for_bpe(tmp_path: Path) -> None:
    bpe = {"name": "bpe", "vocab_size": 270}
    dropped = pair_data(tmp_path, tokenizer=bpe, bpe_dropout=0.5)
    plain = pair_data(tmp_path, tokenizer=bpe)
    assert torch.equal(next(iter(dropped.loader("valid"))).src, next(iter(plain.loader("valid"))).src)
    assert not torch.equal(next(iter(dropped.loader("train"))).src, next(iter(plain.loader("train"))).src)
    for fields in ({"bpe_dropout": 0.1}, {"bpe_dropout": 1.0, "tokenizer": bpe}):
        with pytest.raises(UserError, match="bpe_dropout"):
            pair_data(tmp_path, **fields)
