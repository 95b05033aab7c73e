"""Answering requests, files and ranges of files; and large storage."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from hub_server.server import Hub


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler: type[Handler], hub: Hub) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.hub = hub
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        return b"".join(parts)

    def answer(self, status: int, content: Any = b"", **headers: str) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def send_file(self, path: str, data: bytes, **headers: str) -> None:
        """The bytes of a file, or those that the test makes of them, from where the client asks on."""
        hub = self.server.hub
        if self.command == "GET" and path in hub.spoil:
            data = hub.spoil[path](data)
        start, end = 0, len(data)
        if asked := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or ""):
            start, end = int(asked[1]), min(int(asked[2] or len(data)) + 1, len(data))
            if start >= len(data):
                return self.answer(416, Content_Range=f"bytes */{len(data)}")
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
        cuts = hub.cut.get(path, []) if self.command == "GET" else []
        self.send_response(206 if asked else 200)
        for name, value in {"Content-Length": str(end - start), **headers, **hub.headers.get(path, {})}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data[start : min(end, start + cuts.pop(0))] if cuts else data[start:end])
        return None


class Storage(Handler):
    """Large storage behind signed addresses: whoever has one may read or write that object."""

    def note(self) -> None:
        self.server.hub.cdn_log.append((self.command, self.path, self.headers.get("Range")))
        assert self.headers.get("Authorization") is None, "a token was sent to the storage"

    def do_GET(self) -> None:
        self.note()
        digest, name = urlsplit(self.path).path[1:], parse_qs(urlsplit(self.path).query)["name"][0]
        self.send_file(name, self.server.hub.large[digest])

    def do_PUT(self) -> None:
        self.note()
        data = self.body()
        if hashlib.sha256(data).hexdigest() != urlsplit(self.path).path[1:]:
            return self.answer(400)
        self.server.hub.large[urlsplit(self.path).path[1:]] = data
        return self.answer(200)
