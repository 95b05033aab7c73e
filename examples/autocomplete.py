"""python autocomplete.py MODEL: what you type, completed as you type it, from your own notes.

MODEL is a folder or ZIP file that `rnnzoo export` made of a character model of your notes::

    rnnzoo train char-lstm --text notes/*.txt
    rnnzoo export runs/char-lstm.own-text notes-model/
    python autocomplete.py notes-model/

Tab takes the suggestion, Backspace goes back, Enter begins a new line, Ctrl-D ends. What comes by a
pipe is read as if it was typed. Each key is one step of the model, whatever was typed before: the text is in the state.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

try:
    from rnnzoo_runtime import LanguageModel, Session
except ModuleNotFoundError:  # the full package has it, too
    from rnnzoo.runtime import LanguageModel, Session

LONGEST = 30
GREY, PLAIN, TO_THE_END = "\x1b[90m", "\x1b[0m", "\x1b[K"


class Line:
    """A line that is being typed: its text, and the session after each of its characters.

    Args:
        before: the session at its beginning.
    """

    def __init__(self, before: Session) -> None:
        self.text, self._sessions = "", [before]

    def type(self, text: str) -> None:
        """Adds what the model knows of `text`."""
        for character in text:
            after = self._sessions[-1].fork()
            after.feed(character, unknown="drop")
            self.text += character
            self._sessions.append(after)

    def back(self) -> None:
        """Takes the last character away."""
        if self.text:
            self.text = self.text[:-1]
            self._sessions.pop()

    def end(self) -> Line:
        """The line after this one."""
        return Line(self._sessions[-1].fork().feed("\n", unknown="drop"))

    def suggestion(self) -> str:
        """The most probable rest of the word, or the next word."""
        rest = self._sessions[-1].fork().generate(LONGEST, temperature=0, stop="\n")[0]
        word = rest.lstrip(" ")
        return rest[: len(rest) - len(word)] + word.partition(" ")[0]


def keys() -> Iterator[str]:
    """What is typed, character by character."""
    with contextlib.ExitStack() as stack:
        if sys.stdin.isatty():
            import termios
            import tty

            before = termios.tcgetattr(sys.stdin)
            stack.callback(termios.tcsetattr, sys.stdin, termios.TCSADRAIN, before)
            tty.setcbreak(sys.stdin)
        while key := sys.stdin.read(1):
            yield key


def main(path: str) -> None:
    """Reads keys until there are no more."""
    line = Line(LanguageModel.open(path).session(seed=0))
    offered = line.suggestion()
    for key in keys():
        if key == "\x04":
            break
        if key == "\n":
            print(f"\r{line.text}{TO_THE_END}")
            line = line.end()
        elif key == "\t":
            line.type(offered)
        elif key in "\x7f\b":
            line.back()
        else:
            line.type(key)
        offered = line.suggestion()
        print(
            f"\r{line.text}{GREY}{offered}{PLAIN}{TO_THE_END}", end=f"\x1b[{len(offered)}D" * bool(offered), flush=True
        )
    print()


if __name__ == "__main__":
    main(sys.argv[1])
