"""python watch_log.py MODEL LOG: marks the lines of a log that a model of such logs did not expect.

The example makes a log of its own, of a thousand lines of a web server, some of which belong to no web server::

    python watch_log.py --make 1000 web.log
    rnnzoo train char-lstm --text web.log
    rnnzoo export runs/char-lstm.own-text log-model/
    python watch_log.py log-model/ web.log             # or `tail -f web.log | python watch_log.py log-model/ -`

The text is read as a stream, each line once: the state is all that is kept of it. A line is marked whose surprisal, in
bits a character, is more than MARGIN above the average of those before it.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterable, Iterator

try:
    from rnnzoo_runtime import LanguageModel
except ModuleNotFoundError:  # the full package has it, too
    from rnnzoo.runtime import LanguageModel

MARGIN = 1.0
STRANGE = ("kernel: out of memory: killed process", "segfault at 0x7f3a in libc", "auth: root login from 10.9.8.7")


def made(count: int, seed: int = 1) -> Iterator[str]:
    """Lines of a log; one in a hundred is strange."""
    draw = random.Random(seed)
    for second in range(count):
        clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
        page = draw.choice(("/", "/index.html", "/about", "/news", "/style.css"))
        common = f"GET {page} {draw.choice((200, 200, 200, 304))} {draw.randint(1, 90)} ms"
        yield f"{clock} {draw.choice(STRANGE) if draw.random() < 0.01 else common}\n"


def surprisals(model: LanguageModel, lines: Iterable[str]) -> Iterator[tuple[float, str]]:
    """Bits a character of each line, as it comes, given all lines before it."""
    session = model.session(seed=0)
    for line in lines:
        nats = session.score(line, unknown="drop")
        if len(nats):
            yield float(nats.mean()) / math.log(2), line


def main(path: str, log: str) -> None:
    """Marks lines until the log ends."""
    model, sums, count = LanguageModel.open(path), 0.0, 0
    with open(0 if log == "-" else log, encoding="utf-8") as file:
        for bits, line in surprisals(model, file):
            strange = count >= 20 and bits > sums / count + MARGIN
            print(f"{'>>>' if strange else '   '} {bits:5.2f} {line}", end="", flush=True)
            if not strange:
                sums, count = sums + bits, count + 1


if __name__ == "__main__":
    if sys.argv[1] == "--make":
        with open(sys.argv[3], "w", encoding="utf-8") as file:
            file.writelines(made(int(sys.argv[2])))
    else:
        main(*sys.argv[1:])
