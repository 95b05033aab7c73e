"""``rnnzoo quickstart``, and what the other commands load."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from small_training import OWN, Outcome

from rnnzoo.cli import main, quickstart

ROOT = Path(__file__).resolve().parents[2]

RECIPE = """
task: char_lm
data: {corpus: pydocs, streams: 64, chunk_len: 20, eval_streams: 256}
model: {embedding_dim: 4, backbone: {cell: rnn, hidden_size: 6}}
sample: {every_n_steps: 2, prompt: "The ", max_new_tokens: 20}
trainer: {max_epochs: 1, limit_train_batches: 3}
"""


@pytest.mark.parametrize("entry", [True, False])
def test_quickstart(
    run: Path,
    here: Path,
    command: Callable[..., Outcome],
    monkeypatch: pytest.MonkeyPatch,
    trained: tuple[Path, Outcome],
    entry: bool,
) -> None:
    """The whole of it, with a smaller recipe: it trains, speaks, and what it tells to do next can be done."""
    Path("small.yaml").write_text(RECIPE)
    monkeypatch.setattr(quickstart, "RECIPE", "small.yaml")
    if entry:
        if quickstart.ENTRY not in zoo():
            pytest.skip(f"{quickstart.ENTRY} is not here")
    else:
        monkeypatch.setattr(quickstart, "ENTRY", "an entry that is not here")
    code, out, err = command("quickstart", "--runs", "quick")
    assert code == 0
    assert ("trained beforehand" in out) == entry
    assert ("ROMEO:" in out) == entry
    assert "--- step 2 ---" in err
    assert (here / "quick/small/1/metrics.json").is_file()
    assert out.count("The ") >= 1
    lines = [line.strip() for line in out.split("Go on:\n")[1].splitlines()]
    generate, train, recipes = (shlex.split(line.split(" ", 1)[1]) for line in lines)
    words = generate[generate.index("generate") :]
    assert words[1] == "quick/small/1"
    assert command(*words, "--max-new-tokens", "5").code == 0
    assert command(*recipes[recipes.index("recipes") :]).code == 0
    assert command(*train[train.index("train") :], "--fields").code == 0


def zoo() -> dict[str, Path]:
    from rnnzoo.zoo import entry_names

    return entry_names()


def test_only_training_loads_lightning(run: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from rnnzoo.cli import main
for words in (["generate", "--max-new-tokens=5"], ["score", "own.txt"], ["test", "--text", "own.txt"]):
    assert main([words[0], "runs/char-lstm.own-text", *words[1:]]) == 0
    for name in ("lightning", "datasets", "matplotlib", "huggingface_hub"):
        assert name not in sys.modules, f"{{words[0]}}: {{name}}"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_bad_input_is_found_before_lightning_is_waited_for(here: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from rnnzoo.cli import main
assert main(["train", "char-lstm.own-text"]) == 2
assert main(["train", "char-lstm.own-txt"]) == 2
assert main({OWN[:2]} + ["own.txt"]) == 2
assert "lightning" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


def test_help_of_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    from rnnzoo.cli import COMMANDS

    for name in COMMANDS:
        with pytest.raises(SystemExit) as stopped:
            main([name, "--help"])
        assert stopped.value.code == 0
        assert capsys.readouterr().out.startswith(f"usage: rnnzoo {name}")
