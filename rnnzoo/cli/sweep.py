"""``rnnzoo sweep``: a recipe at every point of a small grid of its fields."""

from __future__ import annotations

import argparse
from pathlib import Path

from rnnzoo.cli.options import whole
from rnnzoo.cli.plugins import add_import

__all__ = ["register", "run"]

DESCRIPTION = """Trains RECIPE at every point of a small grid, and says which point has the best validation score.

A field with several values is an axis of the grid, one with a single value is set in all trainings. The fields are
those of `rnnzoo train`, short forms too: --lr 3e-3,1e-2 --hidden_dropout 0.1,0.3 --epochs 2. A value that has commas
itself stands in brackets or quotes, as YAML has it.

Each point is an ordinary training in a process and a run folder of its own under OUT, and a line of OUT/sweep.jsonl.
Called again, the same command runs what is missing and goes on with what was interrupted. Ends in OUT/sweep.md and
.csv; the exit code is 1 where a training failed or diverged."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "sweep",
        help="a recipe at every point of a small grid of its fields",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        usage="rnnzoo sweep RECIPE [OVERLAY ...] --FIELD A,B,... [--FIELD VALUE ...] [--out DIR] [--jobs N] ...",
    )
    parser.add_argument("recipe", metavar="RECIPE", help="a packaged recipe (`rnnzoo recipes ls`), or a YAML file")
    parser.add_argument("--out", type=Path, metavar="DIR", help="(sweeps/RECIPE)")
    parser.add_argument(
        "--jobs", type=whole("1 <= x <= 1024"), default=1, metavar="N", help="trainings at a time, a core for each (1)"
    )
    parser.add_argument("--threads", type=whole("1 <= x <= 1024"), default=1, metavar="N", help="of each training (1)")
    parser.add_argument("--page", type=Path, metavar="FILE.md", help="also write it between the marks of this page")
    parser.add_argument("--report", action="store_true", help="run nothing; write the tables of what is there")
    add_import(parser)
    parser.set_defaults(run=run, takes_settings=True)


def run(args: argparse.Namespace) -> int:
    """Sweeps; returns the exit code, 1 where a training failed or diverged."""
    from rnnzoo.cli.train import check_text, group_words, take_overlays
    from rnnzoo.zoo.recipes import recipe_name

    overlays = take_overlays(args.settings)
    fields = group_words(args.settings)
    check_text(args.recipe, overlays, fields)
    folder = args.out or Path("sweeps") / recipe_name(args.recipe)

    from rnnzoo.cli.text_io import notice
    from rnnzoo.destinations import check_folder_destination
    from rnnzoo.studies.sweep import Sweep, sweep, write_report
    from rnnzoo.studies.sweep.report import check_page, write_page

    check_folder_destination(folder)
    grid = Sweep(args.recipe, fields, overlays, args.imports, args.threads)
    if args.page is not None:
        check_page(grid, args.page)
    runs = sweep(grid, folder, jobs=args.jobs, run=not args.report, say=notice)
    for path in write_report(grid, runs, folder):
        print(path)
    if args.page is not None:
        write_page(grid, runs, folder, args.page)
        print(args.page)
    return int(any(run.state != "finished" for run in runs))
