"""The process that has imported everything and made the stock, and forks those that run cases.

``python -m fuzz.worker FOLDER``: requests are lines of JSON on standard input, answers lines on standard output. A
child runs cases until it has run `CASES`, or is killed; then the next one is forked, and says its number.
"""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import sys
import warnings
from pathlib import Path
from typing import Any

__all__ = ["CASES", "serve"]

CASES = 150
"""After so many, a child is replaced: what one case leaves in memory is not to spoil too many others."""

SPACE = 6 << 30
"""Address space beyond what a child begins with: the driver ends a case long before, this ends it at once."""


def prepare(folder: Path) -> Path:
    """Imports what commands need, leaves out what takes most of a small run's time, and makes the stock."""
    os.environ["RNNZOO_CACHE"], os.environ["HF_HOME"] = str(folder / "cache"), str(folder / "cache" / "hub")
    os.environ["TMPDIR"] = str(folder)
    os.environ["MPLBACKEND"] = "agg"
    for name in ("HF_TOKEN", "RNNZOO_DATA", "RNNZOO_RUN", "RNNZOO_DEBUG"):
        os.environ.pop(name, None)
    import torch

    torch.set_num_threads(1)
    sys.path[:0] = [str(Path(__file__).parent.parent / name) for name in ("long_runs", "attacks")]
    import witness

    witness.prepare()
    _end_trainings()
    from fuzz.case import load_kinds
    from fuzz.stock import make_stock

    load_kinds()
    stock = folder / "stock"
    make_stock(stock)
    return stock


def _end_trainings() -> None:
    """A recipe that has lost its end, or got a far one, is right and would train on and on: 60 steps are enough."""
    from lightning.pytorch.callbacks import LambdaCallback

    from rnnzoo.tasks import training_run

    def stop(trainer: Any, *_: Any) -> None:
        trainer.should_stop = trainer.should_stop or trainer.global_step >= 60

    build = training_run.build_trainer

    def bounded(section: Any, folder: Path, callbacks: list[Any]) -> Any:
        return build(section, folder, [*callbacks, LambdaCallback(on_train_batch_end=stop)])

    training_run.build_trainer = bounded


def serve(folder: Path) -> None:
    """Forks a child whenever there is none."""
    answers = os.dup(1)
    os.dup2(2, 1)  # what the stock's commands print
    stock = prepare(folder)
    number = 0
    while True:
        number += 1
        pid = os.fork()
        if pid == 0:
            code = run_cases(folder / str(number), stock, answers)
            os._exit(code)
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:  # there are no more requests
            return


def run_cases(folder: Path, stock: Path, answers: int) -> int:
    """A child: 0 when there are no more cases, 1 when it has run enough."""
    from fuzz.judge import Watch, cleared, judge

    folder.mkdir()
    stacks = (folder / "stack").open("w")
    faulthandler.register(10, stacks, all_threads=False)  # SIGUSR1: where it hangs
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (int(Path("/proc/self/statm").read_text().split()[0]) * 4096 + SPACE, hard))
    watch = Watch(folder)
    say(answers, {"pid": os.getpid(), "stack": str(folder / "stack")})
    usual, filters = dict(os.environ), list(warnings.filters)
    for number in range(CASES):
        line = read_line()
        if not line:
            return 0
        request = json.loads(line)
        place = folder / "place"
        result = judge(
            request["kind"], request["seed"], place, stock, watch, tuple(request["without"]), request["most"]
        )
        if not request.get("keep"):
            cleared(place)
        os.environ.clear()
        os.environ.update(usual)
        warnings.filters[:] = filters  # type: ignore[index]
        last = number == CASES - 1 or result["verdict"] == "memory"  # which it may hold on to
        say(answers, result | {"last": last})  # then another one takes over
        if last:
            break
    return 1


def read_line() -> bytes:
    """A line of standard input, and not a byte more: the next child reads on."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(3, 1)
        if not byte:
            return b""
        line += byte
    return line


def say(answers: int, value: dict[str, Any]) -> None:
    """Answers."""
    os.write(answers, json.dumps(value).encode() + b"\n")


if __name__ == "__main__":
    os.dup2(0, 3)  # cases have a standard input of their own
    serve(Path(sys.argv[1]))
