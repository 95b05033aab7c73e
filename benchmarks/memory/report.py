"""Pictures and tables of the memory tasks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.memory.tasks import Adding, Copy, Task
from rnnzoo.errors import UserError
from rnnzoo.files import write_text

__all__ = ["write_page", "write_pictures"]

BEGIN, END = "<!-- benchmarks.memory: begin -->", "<!-- benchmarks.memory: end -->"
COLOURS = ("#444444", "#1f5a96", "#c8553d", "#5a8f3c", "#8a5fa8", "#b08a2e", "#3c8f8a")

Found = Sequence[tuple[dict[str, Any], Any]]


def of(found: Found, what: str, cell: str) -> list[tuple[dict[str, Any], Any]]:
    """A cell's results in one task."""
    return [(job, result) for job, result in found if job["what"] == what and job["cell"] == cell]


def best(found: Found, what: str, cell: str) -> tuple[dict[str, Any], Any] | None:
    """The learning rate that came furthest."""
    return min(of(found, what, cell), key=lambda one: one[1]["loss"], default=None)


def write_pictures(settings: dict[str, Any], found: Found, folder: Path) -> None:
    """Writes memory-copy.svg, memory-adding.svg and memory-gradient.svg."""
    import matplotlib

    matplotlib.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    style = {"svg.hashsalt": "rnnzoo", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}
    with matplotlib.rc_context(style):
        tasks: dict[str, Task] = {"copy": Copy(**settings["copy"]), "adding": Adding(**settings["adding"])}
        titles = {
            "copy": f"copying {settings['copy']['symbols']} symbols after {settings['copy']['delay']} steps",
            "adding": f"adding two of {settings['adding']['length']} numbers",
        }
        for what, task in tasks.items():
            _curves(settings, found, what, task, titles[what], folder / f"memory-{what}.svg")
        _gradients(settings, found, folder / "memory-gradient.svg")


def _curves(settings: dict[str, Any], found: Found, what: str, task: Task, title: str, path: Path) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5.6, 3.2), layout="constrained")
    for colour, cell in zip(COLOURS, settings["cells"], strict=False):
        if (one := best(found, what, cell)) is not None:
            axes.plot(*zip(*one[1]["curve"], strict=True), color=colour, label=cell, linewidth=1.4)
    axes.axhline(task.baseline, color="#999999", linestyle=":", label="without memory")
    axes.set(xlabel="training steps", ylabel=task.loss_name, title=title, ylim=(0, 1.6 * task.baseline))
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _gradients(settings: dict[str, Any], found: Found, path: Path) -> None:
    from matplotlib import pyplot

    figure, (new, trained) = pyplot.subplots(1, 2, figsize=(8.6, 3.2), layout="constrained")
    for colour, cell in zip(COLOURS, settings["cells"], strict=False):
        for _, norms in of(found, "gradient", cell):
            new.plot(range(len(norms)), norms, color=colour, label=cell, linewidth=1.4)
        if (one := best(found, "adding", cell)) is not None:
            norms = one[1]["gradient"]
            trained.plot(range(len(norms)), norms, color=colour, label=cell, linewidth=1.4)
    new.set(title="a new layer, on noise", ylabel="gradient, as a share of the nearest", ylim=(1e-8, 2))
    trained.set(title="after learning to add", ylabel="gradient of the answer", ylim=(1e-8, 2))
    for axes in (new, trained):
        axes.set(yscale="log", xlabel="steps between input and output")
        axes.minorticks_off()
    if trained.lines:
        trained.legend(frameon=False, fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def write_page(settings: dict[str, Any], found: Found, page: Path) -> None:
    """Puts the tables between the marks of a page.

    Raises:
        UserError: the page does not have them.
    """
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    if BEGIN not in text or END not in text:
        raise UserError(f"has no place for the tables: write {BEGIN} and {END} where they are to stand", path=page)
    write_text(page, f"{text.split(BEGIN)[0]}{BEGIN}\n\n{tables(settings, found)}\n{END}{text.split(END)[1]}")


def tables(settings: dict[str, Any], found: Found) -> str:
    """Losses at every learning rate that was tried, and the memory of each cell."""
    lrs = [f"{float(lr):g}" for lr in settings["lrs"]]
    parts = []
    for what, kind in (("copy", Copy), ("adding", Adding)):
        task: Any = kind(**settings[what])
        rows = [["cell", "parameters", *(f"lr {lr}" for lr in lrs)], ["---", *["---:"] * (1 + len(lrs))]]
        for cell in settings["cells"]:
            results = {f"{job['lr']:g}": result for job, result in of(found, what, cell)}
            if results:
                parameters = f"{next(iter(results.values()))['parameters']:,}"
                rows.append([cell, parameters, *(f"{results[lr]['loss']:.4f}" if lr in results else "" for lr in lrs)])
        parts.append(
            f"*{what.capitalize()}*: {task.loss_name} on held-out sequences after {task.steps} steps; without memory "
            f"{task.baseline:.4f}.\n\n{_grid(rows)}"
        )
    rows = [["cell", "parameters", "state of a sequence", "kept for the backward pass"], ["---", *["---:"] * 3]]
    for cell in settings["cells"]:
        for _, result in of(found, "memory", cell):
            state, saved = result["state_bytes"], result["saved_bytes"] / 2**20
            rows.append([cell, f"{result['parameters']:,}", f"{state:,} B", f"{saved:,.0f} MiB"])
    parts.append(f"*Memory* of a layer with 512 units, 64 sequences of 128 steps, float32:\n\n{_grid(rows)}")
    return "\n".join(parts)


def _grid(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"
