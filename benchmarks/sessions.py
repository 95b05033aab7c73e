"""1,000 sessions stepped as one batch against a loop over them, and what one takes in memory.

    python -m benchmarks.sessions
    python -m benchmarks.sessions --model char-best.tinyshakespeare --sessions 200
    python -m benchmarks.sessions --sessions 20 --rounds 1        # whether it runs

All sides write the same text: each session has its own seed. A round is one token of every session in a pool
(`Pool.step`), sixteen tokens of every session in one call (`Pool.write`), and one token of some sessions one by one
(`Session.generate`); the processor's own time counts, and the median stands.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rnnzoo import load
from rnnzoo.runtime import LanguageModel
from rnnzoo.runtime.sampling import SamplingConfig
from rnnzoo.zoo.export_folder import export_folder

_STRETCH, _ALONE = 16, 100


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sessions", description=__doc__)
    parser.add_argument("--model", default="char-rnn.tinyshakespeare", help="a language model")
    parser.add_argument("--sessions", type=int, default=1000, help="(1000)")
    parser.add_argument("--rounds", type=int, default=9, help="(9)")
    parser.add_argument("--int8", action="store_true", help="weights of 8 bits")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        export_folder(load(options.model), Path(folder) / "model", int8=options.int8)  # type: ignore[arg-type]
        model = LanguageModel.open(Path(folder) / "model")
        measure(model, options.model, options.sessions, options.rounds)
    return 0


def measure(model: LanguageModel, name: str, count: int, rounds: int) -> None:
    """The table of one model."""
    sampling, pool = SamplingConfig(0.8), model.pool(count)
    sessions = [model.session(seed=i).feed("The") for i in range(count)]
    for session in sessions:
        pool.add(session)
    alone = sessions[:_ALONE]

    def one_by_one() -> None:
        for session in alone:
            session.generate(1, sampling)

    sides: dict[str, tuple[Callable[[], object], int]] = {
        "one by one, a token each": (one_by_one, len(alone)),
        "a pool, a token each": (lambda: pool.step(sampling), count),
        f"a pool, {_STRETCH} tokens each": (lambda: pool.write(_STRETCH, sampling), count * _STRETCH),
    }
    taken: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side, (run, tokens) in sides.items():
            began = time.process_time()
            run()
            taken[side].append((time.process_time() - began) / tokens)
    base = statistics.median(taken["one by one, a token each"])
    print(f"{name}, {count} sessions, one thread\n")
    print("| | microseconds a token | times the loop |\n|---|---|---|")
    for side, seconds in taken.items():
        median = statistics.median(seconds)
        print(f"| {side} | {1e6 * median:,.1f} | {base / median:.1f} |")
    state = sessions[0].nbytes
    print(f"\na session: {pool.nbytes / count:,.0f} bytes in the pool, of which {state:,} are its state")


if __name__ == "__main__":
    sys.exit(main())
