"""A server of made-up documents that answers as the real one does, so that the live page can be tried alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.inside import samples
from tests.inside.maker import Maker
from unrolled.inside.page import page


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, make: Callable[[dict[str, Any]], Maker]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.make = make
        self.traces: list[Maker] = []

    def document(self, given: dict[str, Any]) -> dict[str, Any]:
        maker = self.make(given)
        self.traces.append(maker)
        arrays = [{"shape": array["shape"]} for array in maker.arrays]
        return {
            **maker.made,
            "arrays": arrays,
            "trace": str(len(self.traces) - 1),
            "attribution": {},
            "reach": None,
            "nearest": None,
            "corpus": True,
        }


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        match self.path.strip("/").split("/"):
            case [""]:
                made = page([], panes=1, title="samples")
                self._send(made.encode(), "text/html; charset=utf-8")
            case ["pane", _]:
                self._json(self.server.document({"text": samples.REVIEW}))
            case ["pane", _, trace, "array", numbers]:
                values = self.server.traces[int(trace)].values
                wanted = [values[int(number)].astype("<f4") for number in numbers.split(",")]
                body = b"".join(array.tobytes() for array in wanted)
                self._send(body, "application/octet-stream")
            case ["pane", _, trace, "reach"]:
                self._json(self.server.traces[int(trace)].made["reach"])
            case _:
                self._json({"error": f"no such place: {self.path}"}, 404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        match self.path.strip("/").split("/"):
            case ["pane", _, "trace"]:
                if not body["input"].get("text", "x").strip():
                    self._json({"error": "the text is empty: expected at least one word"}, 400)
                else:
                    self._json(self.server.document(body["input"]))
            case ["pane", _, trace, "attribution"]:
                self._json(self.server.traces[int(trace)].made["attribution"][body["of"]])
            case ["pane", _, trace, "nearest"]:
                nearest = self.server.traces[int(trace)].made["nearest"]
                places = nearest["steps"][body["step"]]
                self._json({"corpus": nearest["corpus"], "cell": body["cell"], "places": places})

    def _json(self, value: Any, status: int = 200) -> None:
        self._send(json.dumps(value).encode(), "application/json", status)

    def _send(self, body: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def served(make: Callable[[dict[str, Any]], Maker]) -> Iterator[str]:
    """Serve what ``make`` makes of an input; yields the address of the page."""
    server = _Server(make)
    server.document({"text": samples.REVIEW})
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
