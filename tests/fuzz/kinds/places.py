"""Places to write to: that are no folders, that are there already, on a disk that is full."""

from __future__ import annotations

from fuzz.blobs import NAMES, PLACES, odd_path
from fuzz.case import Case, kind
from fuzz.stock import take


@kind("places", 12)
def places(case: Case) -> None:
    """A command that would be right but for where its results go."""
    draw = case.draw
    take(
        case.stock,
        case.folder,
        "lm.yaml",
        "text.txt",
        "runs/lm/1",
        "entry",
        "runs/mt/1" if draw.random() < 0.2 else "poem.txt",
    )
    commands: list[tuple[list[str], str]] = [
        (["train", "lm.yaml", "--runs"], ""),
        (["train", "lm.yaml", "--runs"], ""),
        (["data", "build", "*", "--text", "text.txt"], ""),
        (["score", "./lm", "text.txt", "--tsv"], ""),
        (["export", "./lm"], ".onnx"),
        (["export", "./lm"], ".pt2"),
        (["recipes", "cp", "char-lstm.own-text"], ".yaml"),
        (["sweep", "lm.yaml", "--lr", "1e-3,1e-2", "--out"], ""),
        (["compare", "--recipe", "lm.yaml", "--cells", "lstm", "--tokens", "500", "--parameters", "700", "--out"], ""),
        (["compare", "--report", "--out"], ""),
        (["entry", "./lm", "lm", "--text", "text.txt", "--root"], ""),
    ]
    words, ending = draw.choice(commands)
    if draw.random() < 0.5:
        place = draw.choice([*PLACES, *NAMES]).replace("\0", "") + ending
        if place.startswith("/") and not place.startswith(("/dev", "/proc", "/sys")):
            place = "/proc/x" + ending
        case.change(f"goes to {place!r:.40}", lambda: None)
    else:
        place = f"out{ending}"
        what, do = odd_path(case.folder / place, draw)
        case.change(what, do)
        if draw.random() < 0.3 and "train" in words:
            (case.folder / place / "lm").mkdir(parents=True)
            case.changes[-1] = odd_path(case.folder / place / "lm" / draw.choice(["1", "2"]), draw)
    if draw.random() < 0.25:
        case.file_size = draw.choice([0, 0, 100, 3000])
        case.change(f"a disk with room for {case.file_size} bytes", lambda: None)
    case.words = [place if word == "*" else word for word in words] if "*" in words else [*words, place]
