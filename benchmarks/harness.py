"""What the benchmarks share: threads, the machine and its limits, sides that take turns, ratios, results files.

A benchmark measures *sides*, rnnzoo and its peers, in one run: round by round each takes its turn, in the order A B C,
then C B A, so that what drifts drifts for all. A ratio is that of two sides in the same round. What a run found is one
dictionary, printed by `report`, kept by `keep` in benchmarks/results/, and shown by `python -m benchmarks.page`::

    benchmark, title, about, command     what was run, and a sentence on what the sides have in common
    machine, limits, setting             where, what that machine reaches at best, and with what
    missing                              peers that are not installed: name to what to install
    tables                               name, unit, work, seconds {side: [a round's, ...]}, ours, limit
    series                               name, x, y, points {side: [[x, y], ...]}, slopes {side: of the logarithms}

A round of a side does `work` units in the noted seconds; `limit` is the seconds that the machine's limits allow.
"""

from __future__ import annotations

import os
import platform
import re
import statistics
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnzoo.files import write_json

RESULTS = Path(__file__).resolve().parent / "results"
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}
OURS = "rnnzoo"


# ------------------------------------------------------------------------------------------ options and threads


def parser_of(name: str, doc: str | None, rounds: int, threads: int | None = None) -> ArgumentParser:
    """A parser with the options that every benchmark has; on one thread the clock is the processor's."""
    threads = threads or cores()
    parser = ArgumentParser(prog=f"python -m benchmarks.{name}", description=(doc or "").split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=rounds, help=f"turns of each side ({rounds})")
    parser.add_argument("--threads", type=int, default=threads, help=f"of every side ({threads})")
    clock = "cpu" if threads == 1 < cores() else "wall"
    parser.add_argument("--clock", choices=tuple(CLOCKS), default=clock, help=f"cpu: where others use it ({clock})")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write here (benchmarks/results/ with --keep)")
    parser.add_argument("--keep", action="store_true", help="write to benchmarks/results/, which the docs show")
    return parser


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_threads(threads: int) -> None:
    """Gives this process, and those that it starts, so many cores and threads, whatever library makes them."""
    import torch

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "NPROC"):
        os.environ[name] = str(threads)
    torch.set_num_threads(threads)


# ---------------------------------------------------------------------------------------- the machine and its limits


def machine() -> dict[str, Any]:
    """What a figure depends on beside the code."""
    import torch

    return {
        "cpu": _cpu(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def machine_name(facts: Mapping[str, Any] | None = None) -> str:
    """A name for results files, such as ``amd-epyc-2-threads``; RNNZOO_MACHINE gives another."""
    facts = facts or machine()
    said = os.environ.get("RNNZOO_MACHINE") or f"{facts['cpu']} {facts['threads']} threads"
    return re.sub(r"[^a-z0-9]+", "-", said.lower()).strip("-")


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    return re.sub(r"\((R|TM)\)", "", found[1]).strip() if found else platform.machine()


def limits(clock: str = "wall") -> dict[str, float]:
    """What the machine reaches at best: a large float32 product, and reading from memory and from the cache."""
    import numpy as np
    import torch

    now = CLOCKS[clock]

    def least(work: Callable[[], Any], repeats: int) -> float:
        seconds = []
        for _ in range(repeats + 1):
            begun = now()
            work()
            seconds.append(now() - begun)
        return min(seconds[1:])

    def read(entries: int, times: int) -> float:
        """Gigabytes a second: of two ways to read, that which is faster here, each with all its threads."""
        matrix = torch.zeros(entries >> 10, 1 << 10)
        array, row = matrix.numpy(), np.zeros(1 << 10, np.float32)
        ways: tuple[Callable[[], Any], ...] = (matrix.sum, lambda: array @ row)
        return max(4 * times * entries / least(lambda way=way: [way() for _ in range(times)], 5) / 1e9 for way in ways)

    size = 2048
    a, b = torch.randn(size, size), torch.randn(size, size)
    return {
        "sgemm_gflops": 2 * size**3 / least(lambda: torch.mm(a, b), 9) / 1e9,
        "memory_gb_per_s": read(64 << 20, 1),
        "cache_gb_per_s": read(3 << 20, 50),
    }


def least_seconds(entries: int, rows: int, reached: Mapping[str, float]) -> float:
    """The least that `rows` rows by float32 matrices of so many entries take: read once from the cache, or multiplied.

    Matrices that are larger than the cache take longer.
    """
    read, multiplied = (
        4 * entries / (reached["cache_gb_per_s"] * 1e9),
        2 * rows * entries / reached["sgemm_gflops"] / 1e9,
    )
    return max(read, multiplied)


# ------------------------------------------------------------------------------------------------------- taking turns


def take_turns(
    sides: Mapping[str, Callable[[], float]], rounds: int, say: Callable[[str], None] | None = None
) -> dict[str, list[float]]:
    """Each side's seconds, round by round; a side is called with nothing and says how long its turn took."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        for name in list(sides)[:: 1 if number % 2 == 0 else -1]:
            seconds[name].append(sides[name]())
            if say:
                say(f"round {number + 1} of {rounds}: {name} {seconds[name][-1]:.4g} s")
    return seconds


def timed(work: Callable[[], Any], clock: str = "wall") -> Callable[[], float]:
    """A side: `work` with a watch."""
    now = CLOCKS[clock]

    def turn() -> float:
        begun = now()
        work()
        return now() - begun

    return turn


class Side:
    """A side in a process of its own, which lives through all rounds and stands still when it is not its turn.

    Args:
        command: a Python module and its arguments, which work through `Turns`.
        log: a file for what else it writes.
        environment: variables beside those of this process.
    """

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._log = log
        with log.open("w", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command],
                env={**os.environ, **(environment or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                bufsize=1,
            )
        self._heard("ready")

    def __call__(self, steps: int) -> float:
        """The seconds that its next steps took."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{steps}\n")
        return float(self._heard("seconds"))

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()

    def _heard(self, word: str) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(f"{word} "):
                return line.split()[1]
        self.close()
        raise SystemExit(f"benchmarks: a side failed: {self._log.read_text(encoding='utf-8')[-2000:]}")


class Turns:
    """The other end of a `Side`: a loop over steps calls `done` after each of them, and stands still in it.

    Args:
        warm: steps that are made before the first turn. clock: of `CLOCKS`.
    """

    def __init__(self, warm: int, clock: str) -> None:
        self._now, self._left, self._begun = CLOCKS[clock], warm, None
        self._out = os.fdopen(os.dup(1), "w", buffering=1)  # libraries print what they like
        os.dup2(2, 1)

    _begun: float | None

    def done(self, wait: Callable[[], Any] | None = None) -> None:
        """A step has been made; `wait` is called where a turn ends, for libraries that run ahead of Python."""
        self._left -= 1
        if self._left:
            return
        if wait:
            wait()
        self._out.write("ready -\n" if self._begun is None else f"seconds {self._now() - self._begun!r}\n")
        told = sys.stdin.readline()
        if not told:
            os._exit(0)  # what a training does at its end is not measured
        self._left, self._begun = int(told), self._now()


# ------------------------------------------------------------------------------------------------------- what was found


def table(
    name: str, unit: str, work: float, seconds: Mapping[str, list[float]], limit: float | None = None
) -> dict[str, Any]:
    """One table of a benchmark: see the head of this file."""
    return {"name": name, "unit": unit, "work": work, "ours": OURS, "limit": limit, "seconds": dict(seconds)}


def ratios(found: Mapping[str, Any], name: str) -> list[float]:
    """How many times as fast as the side `name` ours is, round by round."""
    return [b / a for a, b in zip(found["seconds"][found["ours"]], found["seconds"][name], strict=True)]


def overall(found: Mapping[str, Any], name: str) -> float:
    """The same, of all rounds together."""
    return float(sum(found["seconds"][name]) / sum(found["seconds"][found["ours"]]))


def speed(found: Mapping[str, Any], seconds: float) -> str:
    """A rate where there is much work, a time where there is one piece of it."""
    if found["work"] == 1:
        return f"{1e3 * seconds:,.1f} ms" if seconds < 10 else f"{seconds:,.1f} s"
    rate = found["work"] / seconds
    return f"{rate:,.0f} {found['unit']}/s" if rate >= 100 else f"{rate:,.2f} {found['unit']}/s"


def rows(found: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """For each side: name, speed, how many times as fast ours is (median, least to most), and of all rounds."""
    lines = []
    if found.get("limit"):
        ours = statistics.median(found["seconds"][found["ours"]])
        lines.append(("limit", speed(found, found["limit"]), f"{found['limit'] / ours:.2f}", ""))
    for name, seconds in found["seconds"].items():
        middle = speed(found, statistics.median(seconds))
        if name == found["ours"]:
            lines.append((name, middle, "1", "1"))
            continue
        each = ratios(found, name)
        spread = f"{statistics.median(each):.2f} ({min(each):.2f} to {max(each):.2f})"
        lines.append((name, middle, spread, f"{overall(found, name):.3f}"))
    return lines


def report(found: Mapping[str, Any]) -> str:
    """All of it, for a terminal."""
    where, reached = found["machine"], found["limits"]
    lines = [
        f"{found['title']}: " + ", ".join(f"{key} {value}" for key, value in found["setting"].items()),
        f"{where['cpu']}, {where['threads']} of {where['cores']} threads, torch {where['torch']}",
    ]
    if reached:
        lines.append(
            f"limits: sgemm {reached['sgemm_gflops']:.0f} GFLOP/s, memory {reached['memory_gb_per_s']:.1f} GB/s, "
            f"cache {reached['cache_gb_per_s']:.1f} GB/s"
        )
    lines += [f"not measured: {name} ({how})" for name, how in found["missing"].items()]
    for each in found["tables"]:
        width = max(len(name) for name in each["seconds"])
        lines.append(f"\n{each['name']}: {each['ours']} is so many times as fast (median, spread; all rounds)")
        lines += [f"  {name:{width}}  {rate:>22}  {ratio:>22}  {all_:>6}" for name, rate, ratio, all_ in rows(each)]
    for each in found.get("series", []):
        lines.append(f"\n{each['name']}: {each['x']} to {each['y']}, slope")
        for name, points in each["points"].items():
            slope = each["slopes"][name]
            known = "  ".join(f"{x:g}: {y:.4g}" for x, y in points)
            lines.append(f"  {name}  {known}  {'none' if slope is None else format(slope, '.2f')}")
    return "\n".join(lines)


def keep(found: dict[str, Any], options: Namespace) -> None:
    """Prints what was found, and writes it where the options say."""
    print(report(found), flush=True)
    write(found, options)


def write(found: dict[str, Any], options: Namespace) -> None:
    """Writes what was found where the options say."""
    if options.json:
        write_json(options.json, found)
    if options.keep:
        write_json(RESULTS / f"{found['benchmark']}.{machine_name(found['machine'])}.json", found)


def say(text: str) -> None:
    """Progress, beside the figures."""
    print(text, file=sys.stderr, flush=True)
