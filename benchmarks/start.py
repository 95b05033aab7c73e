"""From the start of a process to its first byte: what whoever types `rnnzoo` waits for.

    python -m benchmarks.start
    python -m benchmarks.start --rounds 9 --json out.json
    python -m benchmarks.start --model word-lstm.ptb-small

The commands take turns with a process that does nothing but `import torch`, which is the least that a command can take
that computes with it. Two clocks: the wall's until the first byte can be read, and the processor's, of the process and
its children until they end, which other work on the machine lengthens little. The files are read once before anything
is measured, so it is a second start that is timed, not one from a cold disk.
"""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import sys
import time

from benchmarks import harness

TORCH = "import torch"
"""The row that the others are compared with."""


def commands(model: str) -> dict[str, list[str]]:
    """What is started, by name."""
    rnnzoo = [sys.executable, "-m", "rnnzoo"]
    return {
        TORCH: [sys.executable, "-c", "import torch; print(1)"],
        **{f"rnnzoo {words}": [*rnnzoo, *words.split()] for words in ("--help", "list", "recipes ls", "data ls")},
        f"rnnzoo show {model}": [*rnnzoo, "show", model],
        f"rnnzoo generate {model}": [*rnnzoo, "generate", model, "--seed", "1", "--max-new-tokens", "3"],
    }


def start(command: list[str]) -> tuple[float, float]:
    """Seconds to the first byte, and of the processor.

    Raises:
        SystemExit: the command wrote nothing, or failed.
    """
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None
        first = process.stdout.read(1)
        seconds = time.perf_counter() - begun
        process.stdout.read()
    if not first or process.returncode:
        raise SystemExit(f"benchmarks.start: {' '.join(command)} failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = harness.parser_of("start", __doc__, rounds=5)
    parser.add_argument("--model", default="char-lstm.tinyshakespeare", help="which model writes")
    options = parser.parse_args(arguments)
    rows = commands(options.model)
    walls: dict[str, list[float]] = {name: [] for name in rows}
    works: dict[str, list[float]] = {name: [] for name in rows}
    for round_ in range(options.rounds + 1):
        for name, command in rows.items():
            wall, work = start(command)
            if round_ > 0:
                walls[name].append(wall)
                works[name].append(work)
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}")
    print(f"{'seconds to the first byte':44}  best  median   worst   processor   of import torch")
    least = statistics.median(works[TORCH])
    for name, seconds in walls.items():
        work = statistics.median(works[name])
        print(
            f"{name:44}{min(seconds):6.2f}{statistics.median(seconds):8.2f}{max(seconds):8.2f}{work:12.2f}"
            f"{work / least:18.2f}"
        )
    found = {
        "benchmark": "start",
        "title": "Start-up",
        "about": "From the start of a process to the first byte that it writes; the files were read once before.",
        "command": "python -m benchmarks.start",
        "machine": harness.machine(),
        "limits": {},
        "setting": {"rounds": options.rounds, "clock": "wall"},
        "missing": {},
        "tables": [harness.table("seconds to the first byte", "", 1, walls) | {"ours": TORCH}],
        "work": works,
    }
    harness.write(found, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
