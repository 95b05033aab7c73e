"""``make fuzz``: runs many cases from a seed, or one again."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from fuzz.case import KINDS, load_kinds
from fuzz.driver import Driver
from fuzz.judge import BAD
from fuzz.table import describe, failures, table

ROOT = Path(__file__).resolve().parent.parent.parent


def cases(count: int, seed: int) -> list[tuple[str, int]]:
    """Kinds take turns by their shares; the seeds of a run do not meet those of another."""
    order = [name for name, (_, share) in sorted(KINDS.items()) for _ in range(share)]
    step = next(step for step in (7, 11, 13, 17, 1) if len(order) % step)  # kinds alternate, so early stops are fair
    return [(order[i * step % len(order)], seed * 10_000_000 + i) for i in range(count)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", help="of this kind only")
    parser.add_argument("--case", help="KIND:SEED: this one only, and all that it says; its files stay")
    parser.add_argument("--minutes", type=float, default=1e9, help="go no further after so many")
    parser.add_argument("--out", type=Path, help="results, a line of JSON each; a run that was stopped goes on from it")
    args = parser.parse_args()
    load_kinds()
    if args.case:
        return _one(args.case)
    out = args.out or ROOT / ".fuzz" / f"{args.kind or 'all'}-{args.seed}.jsonl"
    out.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in out.read_text().splitlines()] if out.is_file() else []
    known = {(result["kind"], result["seed"]) for result in done}
    planned = cases(args.count, args.seed) if args.kind is None else [(args.kind, i) for i in range(args.count)]
    left = [case for case in planned if case not in known]
    end = time.monotonic() + 60 * args.minutes
    with Driver() as driver, out.open("a") as file:
        for number, result in enumerate(driver.run(left)):
            file.write(json.dumps(result) + "\n")
            file.flush()
            done.append(result)
            if result["verdict"] in BAD:
                print(f"{result['kind']}:{result['seed']} {result['verdict']}: {result['where']}", flush=True)
            if time.monotonic() > end:
                print(f"stopped after {number + 1} of {len(left)} cases; the same command goes on")
                break
        found = [(n, driver.smallest(result)) for n, result in failures(done)]
    print(table(done))
    cpu = [result["cpu"] for result in done]
    print(f"{sum(cpu) / max(len(cpu), 1):.3f} seconds of computing a case; the longest {max(cpu, default=0):.1f}")
    print(f"the most memory: {max((r['peak'] for r in done), default=0) >> 20} MB")
    print(describe(found))
    return 1 if found else 0


def _one(case: str) -> int:
    kind, _, seed = case.partition(":")
    with Driver() as driver:
        result: dict[str, Any] = driver.one(kind, int(seed), keep=True)
        for key, value in result.items():
            print(f"{key}: {value}")
        if sys.stdin.isatty():
            input(f"its files are below {driver.folder}; Return removes them")
    return int(result["verdict"] in BAD)


if __name__ == "__main__":
    sys.exit(main())
