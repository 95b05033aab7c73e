"""Firefox by WebDriver BiDi, which it speaks itself: no driver between has to be installed."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import websocket

SECONDS = 300  # for one answer, on a busy machine


class Firefox:
    """One headless Firefox with one tab; a context manager."""

    def __init__(self, program: str) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="rnnzoo-firefox-", ignore_cleanup_errors=True)
        words = [program, "--headless", "--no-remote", "--profile", self._profile.name, "--remote-debugging-port", "0"]
        self._process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, encoding="utf-8")
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
                break
        else:
            raise RuntimeError("Firefox ended before it listened")
        self._socket = websocket.create_connection(f"{found[1]}/session", timeout=SECONDS, suppress_origin=True)
        self._numbers = itertools.count(1)
        self._call("session.new", capabilities={})
        self._tab = self._call("browsingContext.getTree")["contexts"][0]["context"]

    def __enter__(self) -> Firefox:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(SECONDS)
        assert self._process.stderr is not None
        self._process.stderr.close()
        self._profile.cleanup()

    def open(self, path: Path) -> None:
        self._call("browsingContext.navigate", context=self._tab, url=path.as_uri(), wait="complete")

    def evaluate(self, script: str) -> Any:
        """What the expression `script` gives, a promise waited for."""
        wrapped = f"Promise.resolve({script}).then((value) => JSON.stringify(value ?? null))"
        found = self._call("script.evaluate", expression=wrapped, target={"context": self._tab}, awaitPromise=True)
        if found["type"] == "exception":
            raise RuntimeError(found["exceptionDetails"]["text"])
        return json.loads(found["result"]["value"])

    def _call(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == number:
                if answer["type"] == "error":
                    raise RuntimeError(answer["message"])
                return answer["result"]
