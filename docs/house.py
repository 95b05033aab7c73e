"""Draws the package from its imports: docs/images/house-*.svg, the pictures of docs/architecture.md.

    python docs/house.py            # draws them
    python docs/house.py --check    # says which arrow of the path from YAML to loss is no import; a test runs it

Nothing is listed here but which modules the path goes through. Floors come from the layers that `make floors` holds,
arrows from the imports, words from the modules' first lines.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import textwrap
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

import grimp
import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
INK, LINE, FILL, SHADE = "#24292f", "#6e7781", "#f6f8fa", "#ddf4ff"

PATH: list[list[str]] = [
    ["cli.train"],
    ["tasks.training_run"],
    ["tasks.recipe", "tasks.job"],
    ["zoo.recipes", "tasks.language_model.job", "tasks.language_model.module"],
    ["config", "training.stream_data", "models.language_model"],
    ["ranges", "data.corpora", "networks.language_net"],
    ["errors", "text", "backbones"],
    ["", "data.streams", "cells"],
    ["", "", "nn"],
]
"""Rows of modules, from the command to the loss: settings, data, model."""
ARROWS = [
    ("cli.train", "tasks.training_run"),
    ("tasks.training_run", "tasks.recipe"),
    ("tasks.training_run", "tasks.job"),
    ("tasks.recipe", "zoo.recipes"),
    ("tasks.recipe", "config"),
    ("config", "ranges"),
    ("ranges", "errors"),
    ("tasks.language_model.job", "tasks.job"),
    ("tasks.language_model.job", "training.stream_data"),
    ("tasks.language_model.job", "tasks.language_model.module"),
    ("training.stream_data", "data.corpora"),
    ("training.stream_data", "data.streams"),
    ("training.stream_data", "text"),
    ("tasks.language_model.module", "models.language_model"),
    ("models.language_model", "networks.language_net"),
    ("networks.language_net", "backbones"),
    ("backbones", "cells"),
    ("cells", "nn"),
]


def layers() -> list[list[str]]:
    """The floors from the top, each with the packages that stand beside one another."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    named = next(one["layers"] for one in contracts if one["type"] == "layers")
    return [re.split(r"\s*\|\s*", layer) for layer in named]


def first_line(module: str) -> str:
    """What a module says of itself, up to the first full stop or colon."""
    place = ROOT / "rnnzoo" / Path(*module.split("."))
    path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return re.split(r"[.:;]\s|[.:]$", said.split("\n\n")[0].replace("\n", " ").replace("`", ""))[0]


def imports(graph: grimp.ImportGraph, above: str, below: str) -> bool:
    """Whether a package, or any module of it, imports another, or takes a name of it from the package it is in."""
    importer, imported = f"rnnzoo.{above}", f"rnnzoo.{below}"
    if graph.direct_import_exists(importer=importer, imported=imported, as_packages=True):
        return True
    inside = {importer, *graph.find_descendants(importer)}
    package = imported.rpartition(".")[0]
    return "." in below and any(graph.direct_import_exists(importer=one, imported=package) for one in inside)


def missing(graph: grimp.ImportGraph) -> list[str]:
    """Arrows of the path that are no imports."""
    return [f"{above} -> {below}" for above, below in ARROWS if not imports(graph, above, below)]


def reduced(graph: grimp.ImportGraph, packages: Sequence[str]) -> list[tuple[str, str]]:
    """The imports between packages that no longer way round explains."""
    direct = {one: {other for other in packages if other != one and imports(graph, one, other)} for one in packages}

    def reached(start: str, without: str) -> set[str]:
        found, left = set[str](), [one for one in direct[start] if one != without]
        while left:
            one = left.pop()
            if one not in found:
                found.add(one)
                left += direct[one]
        return found

    return [(one, other) for one in packages for other in sorted(direct[one]) if other not in reached(one, other)]


class Drawing:
    """Boxes with words, and arrows between them.

    Args:
        width, height: in units of a box's width and height.
    """

    def __init__(self, width: float, height: float) -> None:
        self.figure, self.axes = pyplot.subplots(figsize=(width * 1.75, height * 0.68))
        self.axes.set(xlim=(0, width), ylim=(height, -0.3))
        self.axes.axis("off")
        self.places: dict[str, tuple[float, float]] = {}

    def box(self, name: str, x: float, y: float, said: str = "", shade: bool = False, width: float = 0.9) -> None:
        """A box around (x, y)."""
        self.places[name] = x, y
        outline = FancyBboxPatch(
            *((x - width / 2, y - 0.36), width, 0.72, "round,pad=0,rounding_size=0.06"),
            **{"fc": SHADE if shade else FILL, "ec": LINE, "zorder": 2},
        )
        self.axes.add_patch(outline)
        middle = {"ha": "center", "va": "center", "color": INK}
        size = min(8.5, 145 * width / max(len(name), 1))
        self.axes.text(x, y - (0.19 if said else 0), name, size=size, weight="bold", **middle)
        if said:
            words = "\n".join(textwrap.wrap(said, int(width * 34), max_lines=2, placeholder=" ..."))
            self.axes.text(x, y + 0.13, words, size=5.4, linespacing=1.1, **middle)

    def arrow(self, above: str, below: str, bend: float = 0.0) -> None:
        """From the box that imports to the one that is imported."""
        (x, y), (to_x, to_y) = self.places[above], self.places[below]
        if y == to_y:
            side = 0.46 if to_x > x else -0.46
            start, end = (x + side, y), (to_x - side, to_y)
        else:
            start, end = (x, y + (0.35 if to_y > y else -0.35)), (to_x, to_y - (0.36 if to_y > y else -0.36))
        if not bend and x == to_x and abs(to_y - y) > 1.5:
            bend = 0.35  # past the boxes between
        style = f"arc3,rad={bend}"
        self.axes.add_patch(
            FancyArrowPatch(
                start, end, arrowstyle="-|>", mutation_scale=7, lw=0.7, color=LINE, connectionstyle=style, zorder=1
            )
        )

    def save(self, name: str) -> Path:
        """Writes the picture."""
        path = IMAGES / f"house-{name}.svg"
        with matplotlib.rc_context({"svg.hashsalt": "rnnzoo", "svg.fonttype": "none"}):
            self.figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
        pyplot.close(self.figure)
        return path


def draw_floors(graph: grimp.ImportGraph) -> Path:
    """Every package on its floor, and the imports between them that are not implied by others."""
    rows = [[name for name in row if (ROOT / "rnnzoo" / name).exists() or _is_file(name)] for row in layers()]
    rows = [row for row in rows if row]
    drawing = Drawing(max(map(len, rows)) + 0.2, len(rows) * 1.25)
    for y, row in enumerate(rows):
        for x, name in enumerate(row):
            offset = (max(map(len, rows)) - len(row)) / 2
            drawing.box(name, x + offset + 0.6, y * 1.25 + 0.6, first_line(name))
    packages = [name for row in rows for name in row if (ROOT / "rnnzoo" / name).is_dir()]
    for above, below in reduced(graph, packages):
        drawing.arrow(above, below)
    return drawing.save("floors")


def draw_path(graph: grimp.ImportGraph) -> Path:
    """From the command to the loss."""
    drawing = Drawing(3.6, len(PATH) * 1.05 + 0.2)
    for y, row in enumerate(PATH):
        for x, name in enumerate(row):
            if name:
                middle = 1.8 if len(row) == 1 else 0.6 + 1.2 * x
                drawing.box(name, middle, y * 1.05 + 0.5, first_line(name), shade=x == 2, width=1.08)
    for above, below in ARROWS:
        drawing.arrow(above, below)
    return drawing.save("path")


def draw_models(graph: grimp.ImportGraph) -> Path:
    """The three rooms: nets, what is done with them, and the faces that users hold."""
    rooms = ["models", "inference", "networks"]
    inside = {room: sorted(one.rpartition(".")[2] for one in graph.find_children(f"rnnzoo.{room}")) for room in rooms}
    most = max(map(len, inside.values()))
    drawing = Drawing(most + 0.9, 4.8)
    for y, room in enumerate(rooms):
        drawing.axes.text(0.05, y * 1.7 + 0.6, room, va="center", size=9.5, weight="bold", color=INK)
        for x, name in enumerate(inside[room]):
            whole = f"{room}.{name}"
            drawing.box(name, x + (most - len(inside[room])) / 2 + 1.3, y * 1.7 + 0.6, first_line(whole))
            drawing.places[whole] = drawing.places.pop(name)
    for above, below in reduced(graph, list(drawing.places)):
        drawing.arrow(above, below, bend=0.3 if drawing.places[above][1] == drawing.places[below][1] else 0)
    return drawing.save("models")


def _is_file(name: str) -> bool:
    return (ROOT / "rnnzoo" / f"{name}.py").is_file()


def main(arguments: Iterable[str] | None = None) -> int:
    """Draws, or checks; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args(None if arguments is None else list(arguments))
    graph = grimp.build_graph("rnnzoo", cache_dir=None)
    wrong = missing(graph)
    for one in wrong:
        print(f"no import: {one}")
    if not args.check:
        for draw in (draw_floors, draw_path, draw_models):
            print(draw(graph).relative_to(ROOT))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
