"""Loads folders while an audit hook watches: ``python watched.py CACHE NAME=MODEL ...`` prints a report as JSON.

Refused by the hook, and reported: code that does not come from the installed packages, a process, a connection to
anywhere but this machine, a write outside CACHE, and the reading of anything called ``secret``.
"""

from __future__ import annotations

import importlib
import json
import os
import pickle
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

PLACES = (*sys.path[1:], os.path.dirname(os.__file__), sys.prefix)
INSTALLED = tuple(str(Path(path).resolve()) for path in PLACES if path)
PROCESSES = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "subprocess.Popen")
CHANGES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.truncate")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watch:
    """The audit hook; it cannot be taken off again, only put to sleep."""

    def __init__(self, cache: Path) -> None:
        self.cache, self.awake = str(cache.resolve()), False
        self.seen: list[str] = []
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.awake:
            return
        self.awake = False  # looking at it raises events of its own
        try:
            what = self.judge(event, arguments)
        finally:
            self.awake = True
        if what is not None:
            self.seen.append(f"{event}: {what}"[:200])
            raise PermissionError(f"not allowed: {event}")

    def judge(self, event: str, arguments: tuple[Any, ...]) -> str | None:
        """What is wrong with it, if anything."""
        if event in PROCESSES or event == "pickle.find_class":
            return str(arguments)
        if event == "exec":
            file = str(getattr(arguments[0], "co_filename", "?"))
            # `typing` evaluates the annotations of our own configs, which are strings
            trusted = (
                file.startswith((*INSTALLED, "<frozen ")) or sys._getframe(2).f_code.co_filename == typing.__file__
            )
            return None if trusted else f"code of {file}"
        if event == "socket.connect":
            return None if arguments[1][0] == "127.0.0.1" else str(arguments[1])
        if event == "open" and isinstance(arguments[0], (str, bytes)):
            path, flags = os.path.realpath(os.fsdecode(arguments[0])), arguments[2] or 0
            if "secret" in os.path.basename(path):
                return f"reads {path}"
            return f"writes {path}" if flags & WRITING and not self.within(path) else None
        if event in CHANGES and isinstance(arguments[0], (str, bytes, os.PathLike)):
            place = os.path.dirname(os.path.abspath(os.fsdecode(arguments[1 if event == "os.symlink" else 0])))
            return None if self.within(os.path.realpath(place)) else f"changes {arguments[:2]}"
        return None

    def within(self, path: str) -> bool:
        return path.startswith((self.cache, "/dev/null"))


def controls(folder: Path) -> dict[str, Any]:
    """What an incautious library does; the hook has to see each, or it would see nothing."""
    return {
        "pickle": lambda: pickle.loads((folder / "pytorch_model.bin").read_bytes()),
        "import": lambda: importlib.import_module("intruder"),
        "eval": lambda: eval(compile("1", str(folder / "config.json"), "eval")),
        "process": lambda: subprocess.run(["true"]),
        "system": lambda: os.system("true"),
        "write": lambda: (folder / "left.txt").write_text("x"),
        "delete": lambda: (folder / "config.json").unlink(),
        "secret": lambda: (folder.parent / "secret.json").read_text(),
        "link": lambda: (folder / "link").symlink_to("config.json"),
    }


def main() -> None:
    sys.dont_write_bytecode = True
    cache, folders = Path(sys.argv[1]), dict(argument.split("=", 1) for argument in sys.argv[2:])
    import torch

    import rnnzoo
    from rnnzoo.errors import UserError
    from rnnzoo.models import Seq2Seq
    from rnnzoo.zoo import verify

    def loaded(model: str) -> None:
        found, ids = rnnzoo.load(model), torch.zeros(1, 3, dtype=torch.long)
        found(ids, torch.tensor([3]), ids) if isinstance(found, Seq2Seq) else found(ids)
        if os.path.isdir(model):
            verify(model, Path(model), quick=True)

    for name in [name for name in folders if name.startswith("good ")]:
        loaded(folders.pop(name))  # so that all that is needed is imported
    watch, report = Watch(cache), {}
    for name, model in folders.items():
        os.chdir(model if os.path.isdir(model) else cache)
        sys.path.insert(0, os.getcwd())
        tried = controls(Path(model)) if name == "control" else {name: lambda model=model: loaded(model)}

        for what, action in tried.items():
            watch.seen.clear()
            watch.awake = True
            try:
                action()
                said = None
            except UserError as error:
                said = str(error)
            except BaseException as error:
                said = f"{type(error).__name__}\n{error}"
            finally:
                watch.awake = False
            report[what] = {"said": said, "seen": list(watch.seen)}
        sys.path.pop(0)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
