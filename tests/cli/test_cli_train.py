"""``rnnzoo train``, ``test`` and ``recipes``, as a user calls them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from own_cells import CELL, forgotten
from small_training import OWN, SMALL, Outcome, contents

import rnnzoo
from rnnzoo.cells import CellConfig
from rnnzoo.cli.train import parse_settings
from rnnzoo.errors import UserError
from rnnzoo.zoo import load, overlay_names, recipe_names

Command = Callable[..., Outcome]
Refused = Callable[..., str]

ROOT = str(Path(rnnzoo.__file__).parents[1])

# ------------------------------------------------------------------------------------------ from end to end


def test_from_a_text_to_a_model(run: Path, trained: tuple[Path, Outcome], command: Command) -> None:
    code, out, err = trained[1]
    assert (code, out) == (0, "runs/char-lstm.own-text/1\n")
    assert "own.txt" in err
    assert "bits/char" in err
    assert "words" in err  # the share of new words is said
    expected = {"config.json", "model.safetensors", "tokenizer.json", "metrics.json", "recipe.yaml", "samples.txt"}
    assert expected | {"curve.png", "history.jsonl", "run.json", "checkpoints"} == {path.name for path in run.iterdir()}
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["seed"] == 1
    assert metrics["cell"] == "lstm"
    assert metrics["training"]["steps"] == 60
    assert metrics["parameters"] == load(run).num_parameters
    assert set(metrics["sample"]) >= {"words", "new_words", "new_share"}

    code, out, err = command("test", "runs/char-lstm.own-text", "--text", "own.txt", "--json")
    assert (code, err) == (0, "")
    score = json.loads(out)
    assert score["nll"] == pytest.approx(metrics["nll"], abs=1e-6)
    assert score["recorded_nll"] == metrics["nll"]
    assert score["corpus_sha256"] == score["recorded_sha256"] == metrics["corpus"]["sha256"]
    code, out, err = command("test", "runs/char-lstm.own-text/1", "--text", "own.txt")
    assert f"{metrics['nll']:.4f} nats/char" in out
    assert "read as 1 stream\n" in out
    assert "+0.0" in out or "-0.0" in out

    code, out, err = command("generate", "runs/char-lstm.own-text/1", "--max-new-tokens", "20", "--seed", "1")
    assert (code, err) == (0, "")
    assert len(out.rstrip("\n")) >= 18


def test_the_same_seed_gives_the_same_model(run: Path, command: Command) -> None:
    """And the next run has the next number; nothing of the first is touched."""
    before = contents(run)
    assert command(*OWN).out == "runs/char-lstm.own-text/2\n"
    assert contents(run) == before
    assert (run.parent / "2" / "model.safetensors").read_bytes() == before["model.safetensors"]
    assert (run.parent / "2" / "samples.txt").read_bytes() == before["samples.txt"]


def test_the_recipe_of_a_run_is_a_recipe(run: Path, here: Path, command: Command) -> None:
    shutil.copy(run / "recipe.yaml", "mine.yaml")
    assert command("train", "mine.yaml", "--runs", "others").out == "others/mine/1\n"
    assert (here / "others/mine/1/model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()


def test_other_cells_other_tokens(here: Path, command: Command) -> None:
    words = [*OWN, "--trainer.limit_train_batches", "2", "--cell", "gru", "--data.tokenizer", "byte"]
    model = load(here / command(*words).out.strip())
    assert model.config.backbone.cell.name == "gru"
    assert model.vocab_size == 256


@pytest.mark.parametrize("cell", CellConfig.names())
def test_every_cell_trains_and_is_loaded_again(here: Path, command: Command, cell: str) -> None:
    outcome = command(*OWN, "--trainer.limit_train_batches", "2", "--cell", cell)
    assert outcome.code == 0, outcome.err
    model = load(here / outcome.out.strip())
    assert model.config.backbone.cell.name == cell
    assert len(model.generate("ab", max_new_tokens=3, seed=1)[0]) >= 3


def test_going_on_from_another_model(run: Path, here: Path, command: Command) -> None:
    Path("new.txt").write_text(Path("own.txt").read_text().replace("a", "é").replace("b", "a"))
    words = ["train", "char-lstm.own-text", "--text", "new.txt", *SMALL, "--init_from", str(run)]
    code, out, err = command(*words, "--trainer.limit_train_batches", "2")
    assert code == 0
    line = next(line for line in err.splitlines() if "goes on from" in line)
    assert "12 known tokens kept, 1 new drawn 'é'" in line
    model = load(here / out.strip())
    assert model.tokenizer.decode([12]) == "é"
    assert model.config == load(run).config


def test_overlay(here: Path, command: Command) -> None:
    Path("small.yaml").write_text("model: {embedding_dim: 4, backbone: {hidden_size: 6, num_layers: 1}}\n")
    code, out, _ = command("train", "char-lstm.own-text", "--over", "small.yaml", "--text", "own.txt", "--fields")
    assert code == 0
    recipe = yaml.safe_load(out)
    assert recipe["model"]["backbone"]["hidden_size"] == 6
    assert recipe["optimizer"]["name"] == "adamw"
    assert recipe["data"]["files"] == ["own.txt"]


def test_overlays_behind_the_recipe(here: Path, command: Command) -> None:
    Path("small.yaml").write_text("model: {embedding_dim: 4}\ntrainer: {devices: 2}\n")
    words = ("hardware/8gpu-ddp", "small.yaml", "--text", "own.txt", "--lr", "1e-3", "--fields")
    code, out, _ = command("train", "char-lstm.own-text", *words)
    assert code == 0
    recipe = yaml.safe_load(out)
    assert (recipe["trainer"]["strategy"], recipe["trainer"]["devices"]) == ("ddp", 2)
    assert recipe["model"]["embedding_dim"] == 4
    assert recipe["data"]["streams"] == 8 * 32
    assert recipe["optimizer"]["lr"] == 1e-3  # the command line has the last word
    assert "scale" not in recipe
    assert command("train", "char-lstm.own-text", "--over", "hardware/8gpu-ddp", *words[1:]).out == out


# -------------------------------------------------------------------------------------------------- settings


def test_fields_are_all_there_and_make_a_recipe(here: Path, command: Command) -> None:
    code, out, err = command("train", "char-lstm.pydocs", "--fields", "--cell", "gru", "--lr", "1e-4")
    assert (code, err) == (0, "")
    recipe = yaml.safe_load(out)
    assert set(recipe) == {
        *("task", "data", "model", "optimizer", "schedule", "regularization", "sample", "trainer", "embedding"),
        *("init_from", "dropout", "average", "calibrate", "seed", "checkpoint_every", "on_nonfinite"),
    }
    assert recipe["model"]["backbone"]["cell"]["name"] == "gru"
    assert recipe["optimizer"]["lr"] == 1e-4
    Path("all.yaml").write_text(out)
    assert command("train", "all.yaml", "--fields").out == out
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["--hidden-size", "9"], ["--hidden_size", "9"]),
        (["--model.embedding-dim", "9"], ["--model.embedding_dim", "9"]),
        (["--data.chunk-len=9"], ["--chunk_len", "9"]),
        (["--init-from", "./x"], ["--init_from=./x"]),
        (["--trainer.max-epochs", "2"], ["--epochs", "2"]),
        (["--model.backbone.cell.name", "rnn"], ["--cell", "rnn"]),
        (["--corpus", "pydocs"], ["--data.corpus", "pydocs"]),
    ],
)
def test_dash_or_underscore_short_or_long(here: Path, command: Command, one: list[str], other: list[str]) -> None:
    words = ["train", "char-lstm.own-text", "--fields"]
    assert command(*words, *one) == command(*words, *other)
    assert command(*words, *one).code == 0


def test_values_keep_their_dashes() -> None:
    assert parse_settings(["--text", "my-own_book.txt", "2.txt", "--seed=3", "--lr", "1e-3", "--sample.prompt="]) == {
        "text": ["my-own_book.txt", "2.txt"],
        "seed": 3,
        "lr": 1e-3,
        "sample.prompt": "",
    }
    assert parse_settings(["--text=3"]) == {"text": ["3"]}
    assert parse_settings(["--trainer.max_time", "12:00:00:00"]) == {"trainer.max_time": "12:00:00:00"}
    assert parse_settings(["--lr", "-1"]) == {"lr": -1}


@pytest.mark.parametrize("words", [["x"], ["--lr"], ["--lr", "--seed", "1"]])
def test_words_without_a_partner(words: list[str]) -> None:
    with pytest.raises(UserError):
        parse_settings(words)


# ------------------------------------------------------------------------------------------------- bad input


def own(*words: str) -> list[str]:
    return ["train", "char-lstm.own-text", *SMALL, *words]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "corpus.txt: no such file"),
        (b"", "corpus.txt: is empty"),
        (b"\xef\xbb\xbf", "corpus.txt: is empty"),
        (b"a", "corpus.txt: 1 character is too few"),
        (b"caf\xe9", "corpus.txt, byte 3: is not UTF-8"),
        (b"\xff\xfea\x00b", "corpus.txt, byte 4: is not UTF-16-LE"),
    ],
)
def test_corpus_that_will_not_do(refused: Refused, content: bytes | None, said: str) -> None:
    if content is not None:
        Path("corpus.txt").write_bytes(content)
    assert said in refused(*own("--text", "corpus.txt"))


def test_folder_for_a_corpus(refused: Refused) -> None:
    Path("texts").mkdir()
    assert refused(*own("--text", "texts")) == "texts: is a folder; name the files in it"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "char-lstm.own-txt", "--text", "own.txt"], "unknown recipe 'char-lstm.own-txt' (did you mean"),
        (["train", "./nowhere.yaml"], "nowhere.yaml: no such recipe file"),
        (["train", "char-lstm.own-text"], "char-lstm.own-text is for a text of your own: name it with --text FILE ..."),
        (["train", "char-lstm.own-text", "own.txt"], "unrecognized argument: own.txt (your own text: --text FILE ...)"),
        (["train", "char-lstm.own-text", "--text"], "--text needs a value"),
        (own("--text", "own.txt", "--corpus", "pydocs"), "--text and --corpus are two texts: give one"),
        (own("--corpus", "pydoc"), "unknown corpus 'pydoc' (did you mean 'pydocs'?)"),
        (own("--text", "own.txt", "--cell", "lsmt"), "unknown cell 'lsmt' (did you mean 'lstm'?)"),
        (own("--text", "own.txt", "--hiden_size", "3"), "--hiden_size: unknown option (did you mean 'hidden_size'?)"),
        (own("--text", "own.txt", "--model.backbone.layers", "3"), "model.backbone.layers: unknown field"),
        (own("--text", "own.txt", "--trainer.max_epoch", "3"), "trainer.max_epoch: unknown field (did you mean"),
        (own("--text", "own.txt", "--hidden_size", "wide"), "hidden_size: expected int, not 'wide'"),
        (own("--text", "own.txt", "--hidden_size", "0"), "1 <= hidden_size"),
        (own("--text", "own.txt", "--epochs", "many"), "trainer.max_epochs"),
        (own("--text", "own.txt", "--epochs", "-5"), "trainer.max_epochs: 0 <= max_epochs <= 1e12 or -1; got -5"),
        (own("--text", "own.txt", "--trainer.devices", "0"), "trainer.devices: 1 <= devices"),
        (own("--text", "own.txt", "--trainer.accelerator", "tpu"), "trainer"),
        (own("--text", "own.txt", "--epochs="), "trainer.max_epochs"),
        (own("--text", "own.txt", "--optimizer.name", "adam"), "unknown optimizer 'adam' (did you mean 'adamw'?)"),
        (own("--text", "own.txt", "--schedule", "cosin"), "unknown schedule 'cosin' (did you mean 'cosine'?)"),
        (own("--text", "own.txt", "--data.tokenizer", "words"), "unknown tokenizer 'words' (did you mean 'word'?)"),
        (own("--text", "own.txt", "--seed", "x"), "seed: expected int, not 'x'"),
        (own("--text", "own.txt", "--init_from", "./nowhere"), "nowhere: no such folder"),
        (own("--text", "own.txt", "--over", "nothing.yaml"), "nothing.yaml: no such recipe file"),
        (["train", "char-lstm.own-text", "hardware/1gpus"], "unknown overlay 'hardware/1gpus' (did you mean"),
        (["train", "hardware/1gpu", "--text", "own.txt"], "task: is missing"),
        (own("--text", "own.txt", "--resume"), "there is no run of 'char-lstm.own-text' to resume"),
        (own("--text", "own.txt", "--trainer.callbacks.class_path", "os.system"), "trainer.callbacks"),
        (own("--text", "own.txt", "--trainer.logger", "nothing"), "trainer.logger"),
        (["recipes", "show", "char-lstm.pydoc"], "unknown recipe 'char-lstm.pydoc' (did you mean 'char-lstm.pydocs'?)"),
        (["recipes", "cp", "char-lstm.pydocs", "own.txt"], "own.txt: is there already; nothing was overwritten"),
        (["recipes", "cp", "char-lstm.pydocs", "nowhere/x.yaml"], "nowhere: no such folder"),
        (["recipes", "cp", "nothing", "x.yaml"], "unknown recipe 'nothing'"),
        (["recipes", "ls", "more"], "unrecognized arguments: more"),
        (["test", "nothing"], "unknown model 'nothing'"),
        (["test", "./nowhere"], "nowhere: no such folder"),
        (["generate", "./runs/nowhere"], "runs/nowhere: no such folder"),
        (["quickstart", "--sed", "1"], "unrecognized arguments: --sed 1"),
    ],
)
def test_bad_input(refused: Refused, words: list[str], said: str) -> None:
    assert said in refused(*words)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("task: char_lm\nmodle: {}\ndata: {corpus: pydocs}\n", "modle: unknown field (did you mean 'model'?)"),
        ("task: char-lm\ndata: {corpus: pydocs}\n", "'char-lm' (did you mean 'char_lm'?)"),
        ("data: {corpus: pydocs}\n", "task: is missing"),
        ("task: char_lm\n", "is for a text of your own"),
        (
            "task: char_lm\ndata: {corpus: pydocs, files: [own.txt]}\n",
            "corpus, files, hub and shards exclude each other",
        ),
        ("task: char_lm\ndata: [\n", "bad.yaml, line 3"),
        ("- task\n", "bad.yaml: a recipe is a mapping"),
    ],
)
def test_recipe_that_will_not_do(refused: Refused, content: str, said: str) -> None:
    Path("bad.yaml").write_text(content)
    assert said in refused("train", "bad.yaml")


@pytest.mark.parametrize("words", [["train"], ["nothing"], ["recipes"], ["recipes", "lss"], ["test"], ["generate"]])
def test_argparse_says_it_too(here: Path, command: Command, words: list[str]) -> None:
    code, out, err = command(*words)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("rnnzoo")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "metrics.json"])
def test_run_with_a_missing_or_damaged_file(run: Path, refused: Refused, name: str) -> None:
    (run / name).rename("kept")
    for words in (["test", str(run), "--text", "own.txt"], ["generate", str(run)], own("--init_from", str(run))):
        if "train" in words:
            words = [*words, "--text", "own.txt"]
        said = refused(*words)
        assert str(run) in said
    data = Path("kept").read_bytes()
    (run / name).write_bytes(data[: len(data) // 2])
    assert name in refused("test", str(run), "--text", "own.txt")
    assert name in refused("generate", str(run))


def test_test_with_another_text(run: Path, refused: Refused, command: Command) -> None:
    assert command("test", str(run)).code == 0  # its text is where it was
    (run / "run.json").unlink()  # which says where
    assert "say where it is with --text" in refused("test", str(run))
    assert "no such file" in refused("test", str(run), "--text", "nowhere.txt")
    assert "has no part 'test'" in refused("test", str(run), "--text", "own.txt", "--split", "test")
    assert "potato" in refused("test", str(run), "--text", "own.txt", "--device", "potato")
    Path("other.txt").write_text(Path("own.txt").read_text()[::-1])
    for extra in ([], ["--json"]):
        code, out, err = command("test", str(run), "--text", "other.txt", *extra)
        assert code == 2
        assert out
        assert err.startswith("rnnzoo: this is not the text the model was trained on (other.txt")


# ---------------------------------------------------------------------------------------------------- resume


def stop_short(run: Path) -> dict[str, bytes]:
    """Leaves of a finished run what one that was killed has; returns what it had."""
    model = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    for name in ("config.json", "model.safetensors", "tokenizer.json", "metrics.json", "samples.txt", "curve.png"):
        (run / name).unlink()
    assert list((run / "checkpoints").glob("step-*.ckpt"))
    return model


def test_resume(here: Path, command: Command, refused: Refused) -> None:
    run = here / command(*OWN).out.strip()
    said = "runs/char-lstm.own-text/1: this run has already come to its end"
    assert refused(*OWN, "--resume").startswith(said)
    whole = stop_short(run)
    code, out, err = command("train", "char-lstm.own-text", "--resume")  # it knows what it was given
    assert (code, out) == (0, "runs/char-lstm.own-text/1\n")
    assert "resumes from" in err
    assert (run / "model.safetensors").read_bytes() == whole["model.safetensors"]
    assert (run / "samples.txt").read_bytes() == whole["samples.txt"]
    assert json.loads((run / "metrics.json").read_text())["nll"] == json.loads(whole["metrics.json"])["nll"]


def test_resume_says_which_code_it_needs(here: Path, command: Command, refused: Refused) -> None:
    Path("mine.py").write_text(CELL.format(name="mine"))
    with forgotten():
        outcome = command(*OWN, "--cell", "mine", "--import", "mine.py")
    assert outcome.code == 0, outcome.err
    stop_short(here / outcome.out.strip())
    with forgotten():
        said = refused("train", "char-lstm.own-text", "--resume")
        assert "needs the cell 'mine' of the file mine.py" in said
        assert "add --import mine.py" in said
    with forgotten():
        assert command("train", "char-lstm.own-text", "--resume", "--import", "mine.py").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--hidden_size", "6"], "model.backbone.hidden_size was 5, is now 6"),
        (["--lr", "0.1"], "optimizer.lr was 0.003, is now 0.1"),
        (["--epochs", "5"], "cannot become longer than 1 epochs"),
        (["--text", "other.txt"], "the text has changed since this run began"),
        (["--hiden_size", "6"], "--hiden_size: unknown option"),
    ],
)
def test_resume_with_another_recipe(run: Path, refused: Refused, words: list[str], said: str) -> None:
    stop_short(run)
    Path("other.txt").write_text(Path("own.txt").read_text() + "a")
    assert said in refused("train", "char-lstm.own-text", "--resume", *words)


def test_resume_from_a_damaged_checkpoint(run: Path, here: Path, command: Command) -> None:
    stop_short(run)
    for path in (run / "checkpoints").glob("*.ckpt"):
        path.write_bytes(path.read_bytes()[:1000])
    before = contents(here)
    code, out, err = command("train", "char-lstm.own-text", "--resume")
    assert (code, out) == (2, "")
    assert "no checkpoint is whole" in err.splitlines()[-1]
    assert contents(here) == before


def test_resume_of_a_run_without_a_checkpoint(run: Path, refused: Refused) -> None:
    stop_short(run)
    shutil.rmtree(run / "checkpoints")
    assert "stopped before its first checkpoint" in refused("train", "char-lstm.own-text", "--resume")


def process(words: list[str], **options: object) -> subprocess.Popen[str]:
    code = "import sys; from rnnzoo.cli import main; sys.exit(main(sys.argv[1:]))"
    environment = os.environ | {"PYTHONPATH": ROOT, "OMP_NUM_THREADS": "1"}
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment} | options
    return subprocess.Popen([sys.executable, "-c", code, *words], **given)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize(("sent", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_from_outside(here: Path, refused: Refused, sent: signal.Signals, expected: int) -> None:
    with process([*OWN, "--epochs", "100000"]) as training:
        checkpoints = here / "runs/char-lstm.own-text/1/checkpoints"
        while not any(checkpoints.glob("step-*.ckpt")) and training.poll() is None:
            time.sleep(0.05)
        training.send_signal(sent)
        out, err = training.communicate()
    assert training.returncode == expected, err
    assert out == ""
    assert "Traceback" not in err
    assert "`rnnzoo train char-lstm.own-text --resume` goes on with it" in err
    assert not (here / "runs/char-lstm.own-text/1/metrics.json").exists()
    assert "has not ended yet" in refused("generate", "runs/char-lstm.own-text/1")


# --------------------------------------------------------------------------------------------------- recipes


def test_recipes(here: Path, command: Command) -> None:
    code, out, err = command("recipes", "ls")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()[1:]] == [*recipe_names(), *overlay_names()]
    shown = command("recipes", "show", "char-lstm.pydocs").out
    assert shown == recipe_names()["char-lstm.pydocs"].read_text()
    code, out, _ = command("recipes", "cp", "char-lstm.pydocs", "mine.yaml")
    assert (code, out) == (0, "mine.yaml: change it, then `rnnzoo train mine.yaml`\n")
    assert Path("mine.yaml").read_text() == shown
    assert command("recipes", "cp", "char-lstm.pydocs", "mine").out.endswith("`rnnzoo train ./mine`\n")
    assert command("recipes", "cp", "hardware/slurm", "over.yaml").out.endswith("`rnnzoo train NAME over.yaml`\n")
    assert command("train", "./mine", "--fields").out == command("train", "char-lstm.pydocs", "--fields").out


@pytest.mark.parametrize("words", [["--help"], ["recipes", "ls"], ["recipes", "show", "char-lstm.pydocs"]])
def test_a_reader_that_has_gone(here: Path, words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with process(words, stdout=writer) as running:
        os.close(writer)
        err = running.communicate()[1]
    assert err == ""
