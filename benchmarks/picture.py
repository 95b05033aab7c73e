"""The picture in the README: how the loss of an entry fell, and what it writes.

python -m benchmarks.picture [RUN]      # docs/images/shakespeare.svg, from a run folder (history.jsonl, samples.txt)
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rnnzoo.training import read_history

OUT = Path(__file__).resolve().parent.parent / "docs" / "images" / "shakespeare.svg"
RUN = Path("runs/char-lstm.tinyshakespeare/1")


def draw(run: Path, out: Path) -> None:
    """Training and validation loss on the left, a sample on the right."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with matplotlib.rc_context({"svg.hashsalt": "rnnzoo"}):  # the same file every time
        figure, (curve, text) = pyplot.subplots(1, 2, figsize=(9.6, 4.2), layout="constrained", width_ratios=(1, 1.1))
        history = read_history(run / "history.jsonl")
        for key, label, style in (("train_nll", "training", "-"), ("val_nll", "validation", "o-")):
            points = [(line["tokens"] / 1e6, line[key]) for line in history if key in line]
            curve.plot(*zip(*points, strict=True), style, label=label, markersize=4)
        curve.set(xlabel="million characters read", ylabel="nats per character", title="it learns")
        curve.grid(alpha=0.3)
        curve.legend()
        sample = (run / "samples.txt").read_text(encoding="utf-8").split("--- temperature 0.8")[1].split("\n", 1)[1]
        text.text(0, 0.98, "\n".join(sample.strip().split("\n")[:19]), family="monospace", fontsize=8.5, va="top")
        text.set(title="it writes")
        text.axis("off")
        out.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(out, metadata={"Date": None})
        pyplot.close(figure)


def main(arguments: list[str] | None = None) -> int:
    """Draws; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.picture", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("run", nargs="?", type=Path, default=RUN, help=f"a run folder ({RUN})")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    if not (options.run / "history.jsonl").is_file():
        print(f"benchmarks.picture: {options.run} is no run folder with a history.jsonl", file=sys.stderr)
        return 2
    draw(options.run, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
