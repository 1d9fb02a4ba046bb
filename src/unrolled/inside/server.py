"""A small server of the page, on this machine alone: it works out again what changes when an input is edited."""

from __future__ import annotations

import json
import secrets
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from unrolled.errors import InputError, UnrolledError
from unrolled.inside.page import page, policy
from unrolled.inside.pane import BUSY, Pane
from unrolled.inside.wanted import Superseded, Wanted

HOST = "127.0.0.1"
KEPT = 8
"""Edits of a pane that can still be asked about."""
NUMBERS = 50_000_000
"""Numbers in all of them; of longer inputs fewer are kept."""
POLLED = 0.05
"""Seconds after which `close` is noticed."""
LARGEST = 4_000_000
"""Bytes of a request."""


class Server:
    """Serves the page of some panes at ``url``, which nobody can guess and only this machine can reach.

    Args:
        panes: that are shown.
        title: of the window.
        port: where; 0 = any that is free.
        language: "en" or "zh", until a reader chooses.

    Raises:
        InputError: the port is taken.
    """

    def __init__(
        self, panes: Sequence[Pane], *, title: str, port: int = 0, language: str = "en"
    ) -> None:
        self._rooms = [_Room(pane) for pane in panes]
        self._page = page([], panes=len(panes), title=title, language=language).encode()
        self.policy = f"{policy(live=True)}; frame-ancestors 'none'"
        self.key = secrets.token_urlsafe(12)
        self.closed = False
        try:
            self._server = _Http(self, port)
        except OSError as error:
            raise InputError(
                f"port {port} cannot be used: {error.strerror or error}",
                fix="--port 0 takes one that is free",
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLLED,), daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self._server.server_port}/{self.key}/"

    def close(self) -> None:
        """Stop, when what is being worked out is done; a page that is still open is not answered any more."""
        self.closed = True
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        with BUSY:
            pass

    def wait(self) -> None:
        """Serve until it is closed or interrupted."""
        self._thread.join()

    def answer(self, path: str, given: Mapping[str, Any] | None) -> tuple[str, bytes]:
        """Return kind and content of what is at ``path``, below the key; ``given`` is what was posted.

        Raises:
            KeyError: there is nothing.
            InputError: what was posted cannot be used.
        """
        if path == "" and given is None:
            return "text/html; charset=utf-8", self._page
        match path.split("/"):
            case ["pane", at]:
                return _json(self._room(at).document())
            case ["pane", at, "trace"] if given is not None:
                room = self._room(at)
                with _put_off([each.last for each in self._rooms]):
                    return _json(room.edit(given))
            case ["pane", at, trace, "array", numbers]:
                return "application/octet-stream", self._room(at).arrays(trace, numbers)
            case ["pane", at, trace, "attribution"] if given is not None:
                return _json(self._room(at).pane(trace).attribution(str(given.get("of"))))
            case ["pane", at, trace, "reach"]:
                return _json(self._room(at).pane(trace).reach())
            case ["pane", at, trace, "nearest"] if given is not None:
                return _json(self._room(at).nearest(trace, given))
        raise KeyError(path)

    def _room(self, at: str) -> _Room:
        if not at.isdigit() or int(at) >= len(self._rooms):
            raise KeyError(at)
        return self._rooms[int(at)]


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, owner: Server, port: int) -> None:
        self.owner = owner
        super().__init__((HOST, port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
        # Else the page was closed before its answer came.


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def do_GET(self) -> None:
        self._reply(None)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if self.headers.get_content_type() != "application/json" or length > LARGEST:
            # Another site's form cannot send JSON without being asked first.
            self.close_connection = True
            self._refuse(400, f"a JSON object of at most {LARGEST:,} bytes is expected")
            return
        try:
            given = json.loads(self.rfile.read(length))
        except ValueError:
            given = None
        if isinstance(given, dict):
            self._reply(given)
        else:
            self._refuse(400, "a JSON object is expected")

    def _reply(self, given: Mapping[str, Any] | None) -> None:
        if self.server.owner.closed:
            self.close_connection = True
            return
        path, port = self.path.partition("?")[0], self.server.server_port
        begin = f"/{self.server.owner.key}/"
        # Not the name of another site that was bound to this machine.
        hosts = (f"{HOST}:{port}", f"localhost:{port}")
        try:
            if self.headers.get("Host") not in hosts or not path.startswith(begin):
                raise KeyError(path)
            kind, content = self.server.owner.answer(path.removeprefix(begin), given)
        except KeyError:
            self._refuse(404, "there is nothing here")
        except UnrolledError as error:
            self._refuse(400, str(error))
        except Superseded:
            self._send(200, *_json({"superseded": True}))
        except Exception:
            self._refuse(500, "this went wrong; where unrolled was started stands why")
            raise
        else:
            self._send(200, kind, content)

    def _refuse(self, status: int, why: str) -> None:
        self._send(status, *_json({"error": why}))

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Content-Security-Policy": self.server.owner.policy,
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing of every request."""


class _Room:
    """One pane as it was begun with, and the last edits of it by the names of their traces."""

    def __init__(self, pane: Pane) -> None:
        self._count = 0
        self._panes: OrderedDict[str, Pane] = OrderedDict()
        self._name = self._keep(pane)

    @property
    def last(self) -> Pane:
        return self._panes[self._name]

    def document(self) -> dict[str, Any]:
        return {**self.last.live(), "trace": self._name}

    def pane(self, trace: str) -> Pane:
        return self._panes[trace]

    def arrays(self, trace: str, numbers: str) -> bytes:
        """Return arrays by their places, "4,7", one after another."""
        arrays = self._panes[trace].document.arrays
        chosen = numbers.split(",")
        if not all(number.isdigit() and int(number) < len(arrays) for number in chosen):
            raise KeyError(numbers)
        return b"".join(arrays[int(number)].astype("<f4").tobytes() for number in chosen)

    def edit(self, given: Mapping[str, Any]) -> dict[str, Any]:
        found = given.get("input")
        if not isinstance(found, dict):
            raise InputError('there is no "input" in the request')
        self._name = self._keep(self.last.edited(found))
        return self.document()

    def nearest(self, trace: str, given: Mapping[str, Any]) -> Any:
        pane = self._panes[trace]
        side, step, name = given.get("side"), given.get("step"), given.get("cell")
        if not (isinstance(side, int) and 0 <= side < len(pane.trace.sides)):
            raise KeyError("side")
        shown = pane.trace.sides[side]
        paths = {shown.names.get(path, path): path for path in shown.runs} | {
            p: p for p in shown.runs
        }
        if not (isinstance(step, int) and 0 <= step < len(shown.steps[0])) or name not in paths:
            raise KeyError("step")
        places = pane.nearest(side, paths[name], step)
        return {"places": places, "corpus": pane.corpus.name if pane.corpus else "", "cell": name}

    def _keep(self, pane: Pane) -> str:
        self._count += 1
        name = str(self._count)
        self._panes[name] = pane
        while len(self._panes) > 1 and (len(self._panes) > KEPT or self._numbers() > NUMBERS):
            self._panes.popitem(last=False)
        return name

    def _numbers(self) -> int:
        return sum(array.size for pane in self._panes.values() for array in pane.document.arrays)


@contextmanager
def _put_off(panes: Sequence[Pane]) -> Iterator[None]:
    """Stop what is being worked out for panes, so that the block need not wait for it; the page asks for it again."""
    for pane in panes:
        pane.wanted.drop()
    try:
        yield
    finally:
        for pane in panes:
            pane.wanted = Wanted()


def _json(content: Any) -> tuple[str, bytes]:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    return "application/json; charset=utf-8", text.encode("utf-8", "replace")
