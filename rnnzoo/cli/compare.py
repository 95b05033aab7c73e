"""``rnnzoo compare``: cells at one budget of parameters, tokens and tuning."""

from __future__ import annotations

import argparse
from pathlib import Path

from rnnzoo.cli.options import fraction, whole
from rnnzoo.cli.plugins import add_import
from rnnzoo.errors import UserError, nearest

__all__ = ["register", "run"]

RECIPE = "char-cells.tinyshakespeare"

DESCRIPTION = """Trains language models that differ in their cell and in nothing else: the same number of parameters
(the hidden size is solved for), of tokens, of learning rates that are tried. Each run is a process of its own and a
line of OUT/runs.jsonl; called again, it runs what is missing. Ends in OUT/cells.md, .csv, .tex and .svg.

Fields of the recipe can be set as in `rnnzoo train`: --corpus pydocs, --model.backbone.num_layers 1."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "compare",
        help="cells at one budget of parameters, tokens and tuning",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--recipe", default=RECIPE, metavar="RECIPE", help=f"what is trained ({RECIPE})")
    parser.add_argument("--cells", type=_names, metavar="A,B,...", help="which ones (all there are)")
    parser.add_argument(
        "--parameters", type=whole("1 <= x <= 1e12"), default=300_000, metavar="N", help="of each model (300000)"
    )
    parser.add_argument(
        "--tokens", type=whole("1 <= x <= 1e15"), default=1_000_000, metavar="N", help="read in training (1000000)"
    )
    parser.add_argument("--lrs", type=_numbers, default=(1e-3, 3e-3, 1e-2), metavar="X,Y,...", help="(1e-3,3e-3,1e-2)")
    parser.add_argument(
        "--seeds",
        type=whole("1 <= x <= 1e6"),
        default=3,
        metavar="N",
        help="of the best-known cells; others have 1 (3)",
    )
    parser.add_argument("--seeded", type=_names, metavar="A,B,...", help="the cells that have all seeds")
    parser.add_argument("--threads", type=whole("1 <= x <= 1024"), default=1, metavar="N", help="of each run (1)")
    parser.add_argument(
        "--jobs",
        type=whole("1 <= x <= 1024"),
        default=1,
        metavar="N",
        help="runs at a time, a core or more for each (1)",
    )
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu", help="(cpu)")
    parser.add_argument("--out", type=Path, default=Path("comparison"), metavar="DIR", help="(comparison)")
    parser.add_argument("--page", type=Path, metavar="FILE.md", help="also write it between the marks of this page")
    parser.add_argument("--report", action="store_true", help="run nothing; write the tables of what is there")
    add_import(parser)
    parser.set_defaults(run=run, takes_settings=True)


def run(args: argparse.Namespace) -> int:
    """Compares; returns the exit code, 1 where a run failed."""
    from rnnzoo.cells import CellConfig
    from rnnzoo.cli.text_io import notice
    from rnnzoo.cli.train import parse_settings
    from rnnzoo.destinations import check_folder_destination
    from rnnzoo.studies.comparison import BEST_KNOWN, Comparison, compare, write_report
    from rnnzoo.studies.comparison.plan import OWN
    from rnnzoo.studies.comparison.report import check_page, write_page
    from rnnzoo.tasks.recipe import override, read

    check_folder_destination(args.out)
    settings = parse_settings(args.settings)
    for name in settings:
        if name in OWN:
            raise UserError(f"--{name} is what the comparison sets: say {OWN[name]}")
    known = CellConfig.names()
    for cell in (*(args.cells or ()), *(args.seeded or ())):
        if cell not in known:
            raise UserError(f"unknown cell {cell!r}{nearest(cell, known)}")
    comparison = Comparison(
        override(read(args.recipe), settings),
        args.cells or known,
        parameters=args.parameters,
        tokens=args.tokens,
        lrs=args.lrs,
        seeds=args.seeds,
        seeded=args.seeded or BEST_KNOWN,
        threads=args.threads,
        device=args.device,
    )
    if args.page is not None:
        check_page(args.page)
    runs, failed = compare(comparison, args.out, jobs=args.jobs, imports=args.imports, run=not args.report, say=notice)
    for path in write_report(comparison, runs, args.out):
        print(path)
    if args.page is not None:
        write_page(comparison, runs, args.out, args.page)
        print(args.page)
    return int(bool(failed))


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(dict.fromkeys(map(fraction("0 < x <= 1e6"), text.split(","))))
