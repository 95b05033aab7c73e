"""Runs a case in this process, and judges it by what it left: exit code, what it said, files, memory."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import re
import resource
import shutil
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fuzz.case import Case, build

__all__ = ["BAD", "LIMIT_BYTES", "judge"]

LIMIT_BYTES = 2 << 30
"""More memory than this, at any time, and a case has failed."""

BAD = ("traceback", "internal", "hang", "memory", "half-made", "noisy", "executed", "killed", "broken")
"""How a case can fail; else it is ``ok``, or ``refused`` in one line."""


PROCESSES = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen")
CHANGES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.truncate")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Refused(BaseException):
    """Raised where a case would start a process or reach the network: as far as a case goes."""


class Watch:
    """An audit hook: no process is started, nothing beyond this machine is reached, all else is a read-only disk."""

    def __init__(self, place: Path) -> None:
        self.awake, self.seen, self.place = False, list[str](), str(place.resolve())
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.awake:
            return
        if event in PROCESSES or event in ("socket.connect", "socket.getaddrinfo"):
            self.seen.append(f"{event} {arguments!s:.80}")
            raise Refused(event)
        writes = event in CHANGES or (event == "open" and (arguments[2] or 0) & WRITING)
        if writes and isinstance(arguments[0], (str, bytes, os.PathLike)):
            path = os.fsdecode(arguments[0])
            if "\0" not in path and not os.path.abspath(path).startswith((self.place, "/dev/", "/proc/", "/sys/")):
                raise PermissionError(13, "Permission denied", path)


def judge(
    name: str, seed: int, place: Path, stock: Path, watch: Watch, without: tuple[int, ...] = (), most: int = LIMIT_BYTES
) -> dict[str, Any]:
    """Builds and runs a case below `place`; what came of it, as plain values."""
    folder = place / "case"
    folder.mkdir(parents=True)
    trace = place / "executed"
    os.environ["RNNZOO_TRACE"] = str(trace)
    os.chdir(folder)
    try:
        case = build(name, seed, folder, stock, without)
    except Exception:  # of the harness itself
        nothing = {
            "kind": name,
            "seed": seed,
            "words": "",
            "changes": [],
            "code": None,
            "cpu": 0.0,
            "peak": 0,
            "said": "",
        }
        return nothing | {"verdict": "broken", "where": traceback.format_exc()[-600:]}
    before = _tree(place)
    started = time.process_time()
    _reset_peak()
    code, escaped, out, err = _run(case, place, watch)
    peak = _peak()
    after = _tree(place)
    result: dict[str, Any] = {
        "kind": name,
        "seed": seed,
        "words": " ".join(case.words)[:300],
        "changes": [what for what, _ in case.changes],
        "code": code,
        "cpu": round(time.process_time() - started, 3),
        "peak": peak,
        "said": err[-1500:],
    }
    spawned = [seen for seen in watch.seen if not seen.startswith("socket")]
    left = sorted(str(path) for path in {*before, *after} if before.get(path) != after.get(path))
    if escaped:
        result |= {"verdict": "traceback", "where": _innermost(escaped), "trace": "".join(escaped)[-3000:]}
    elif trace.exists() or any("touch" in seen for seen in spawned):
        result |= {"verdict": "executed", "where": "; ".join(watch.seen)}
    elif code == 70 or "Traceback (most recent call last)" in err + out:
        found = re.findall(r"^(\w+(?:\.\w+)*(?:Error|Exception|Warning)\b.*)$", err, re.M)
        result |= {"verdict": "internal", "where": (found or err.strip().splitlines() or ["?"])[-1][:200]}
    elif peak > most:
        result |= {"verdict": "memory", "where": f"{peak >> 20} MB"}
    elif code == 2 and left and not watch.seen:
        result |= {"verdict": "half-made", "where": re.sub(r"\d+", "N", ", ".join(left)[:200])}
    elif code == 0 or watch.seen or (code == 1 and case.failing):
        result |= {"verdict": "ok"}
    elif code not in (2, 3) or (problem := _noise(err)):
        result |= {"verdict": "noisy", "where": f"exit code {code}" if code not in (2, 3) else problem}
    else:
        result |= {"verdict": "refused"}
    watch.seen.clear()
    return result


def _run(case: Case, place: Path, watch: Watch) -> tuple[int, list[str], str, str]:
    """Exit code, the traceback of what escaped, and what was written."""
    from rnnzoo.cli import main
    from rnnzoo.errors import UserError

    code, escaped = 0, list[str]()
    with _redirected(place, case) as files:
        try:
            watch.awake = True
            if case.call is not None:
                case.call()
            else:
                code = main(case.words)
        except UserError as error:
            print(f"rnnzoo: {error}", file=sys.stderr)
            code = error.exit_code
        except SystemExit as stopped:
            code = stopped.code if isinstance(stopped.code, int) else 0 if stopped.code is None else 1
        except Refused:
            pass
        except BaseException as error:
            escaped = traceback.format_exception(error)
        finally:
            watch.awake = False
    out, err = (path.read_text(encoding="utf-8", errors="replace")[-20_000:] for path in files)
    for path in files:
        path.unlink()
    return code, escaped, out, err


@contextlib.contextmanager
def _redirected(place: Path, case: Case) -> Iterator[tuple[Path, Path]]:
    """The three standard files of this process, as a command has them, and a disk as full as the case says."""
    files = place / "stdout", place / "stderr"
    (place / "stdin").write_bytes(case.stdin)
    kept = [os.dup(number) for number in range(3)]
    streams, files_open = (sys.stdin, sys.stdout, sys.stderr), [os.open(place / "stdin", os.O_RDONLY)]
    pipes: list[int] = []
    if case.file_size is None:
        files_open += [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for path in files]
    else:  # the disk is full, not the terminal
        for _ in files:
            reads, writes = os.pipe()
            fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, 1 << 20)
            pipes.append(reads)
            files_open.append(writes)
    for number, file in enumerate(files_open):
        os.dup2(file, number)
        os.close(file)
    sys.stdin = io.TextIOWrapper(os.fdopen(os.dup(0), "rb"), "utf-8", "surrogateescape")
    sys.stdout = io.TextIOWrapper(os.fdopen(os.dup(1), "wb"), "utf-8", "surrogateescape", write_through=True)
    sys.stderr = io.TextIOWrapper(os.fdopen(os.dup(2), "wb"), "utf-8", "backslashreplace", write_through=True)
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    if case.file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (case.file_size, usual[1]))
    try:
        yield files
    finally:
        if case.file_size is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.close()
        sys.stdin, sys.stdout, sys.stderr = streams
        for number, file in enumerate(kept):
            os.dup2(file, number)
            os.close(file)
        for path, pipe in zip(files, pipes, strict=False):
            with os.fdopen(pipe, "rb") as file:
                path.write_bytes(file.read())
        (place / "stdin").unlink()


def _noise(err: str) -> str:
    """What of stderr is no line for the user."""
    lines = [line for line in err.splitlines() if line.strip()]
    if not lines or not lines[-1].startswith(("rnnzoo: ", "rnnzoo ")):
        return f"the last line is no error: {lines[-1][:100] if lines else 'nothing was said'}"
    usage = False
    for line in lines:
        usage = line.startswith("usage:") or (usage and line.startswith(" "))
        if not (usage or line.startswith(("rnnzoo: ", "rnnzoo "))):
            return f"not a line of ours: {re.sub(r'[0-9]+', 'N', line)[:100]}"
        if not line.isprintable():
            return "has characters that a terminal would obey"
        if len(line) > 1000:
            return "is longer than 1,000 characters"
    return ""


def _innermost(escaped: list[str]) -> str:
    """The exception, and the last place in the package that it went through."""
    text = "".join(escaped)
    ours = re.findall(r'File "[^"]*/(rnnzoo/[^"]+)", line (\d+), in (\w+)', text)
    last = escaped[-1].strip().splitlines()
    place = f"{ours[-1][0]} in {ours[-1][2]}" if ours else "outside the package"
    return f"{place}: {re.sub(r'[0-9]+', 'N', last[0] if last else '?')[:140]}"


def _tree(place: Path) -> dict[str, tuple[int, int, str]]:
    """All below a folder: kind and size, and of links where they lead."""
    found: dict[str, tuple[int, int, str]] = {}
    for root, folders, names in os.walk(os.fsencode(place)):
        for name in (*folders, *names):
            path = os.path.join(root, name)
            told = os.lstat(path)
            target = os.fsdecode(os.readlink(path)) if os.path.islink(path) else ""
            size = told.st_size if name in names else 0
            found[os.fsdecode(os.path.relpath(path, os.fsencode(place)))] = told.st_mode, size, target
    return found


def _reset_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    return 0


def cleared(place: Path) -> None:
    """Removes what a case left."""
    os.chdir("/")
    shutil.rmtree(place, ignore_errors=True)
