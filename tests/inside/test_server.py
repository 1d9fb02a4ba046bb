"""The server answers this machine's page alone, and works out again what is edited."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch

import unrolled as ur
from unrolled.errors import InputError
from unrolled.inside.server import Server
from unrolled.inside.wanted import Wanted
from unrolled.tasks.trace import Trace


@pytest.fixture
def server() -> Iterator[Server]:
    torch.manual_seed(0)
    server = ur.look(ur.GRU(2, 3), torch.randn(1, 5, 2), title="a GRU").serve()
    yield server
    server.close()


def ask(
    server: Server, path: str, given: Any = None, *, root: bool = False, **headers: str
) -> tuple[int, bytes]:
    """Send a request below the server's key."""
    where = urlsplit(server.url)
    connection = http.client.HTTPConnection(where.netloc)
    body = None if given is None else json.dumps(given)
    sent = {
        **({"Content-Type": "application/json"} if body else {}),
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }
    connection.request("POST" if body else "GET", path if root else where.path + path, body, sent)
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


def test_page_document_and_arrays(server: Server) -> None:
    status, content = ask(server, "")
    assert status == 200 and b'name="live" content="1"' in content and b'id="pane0"' not in content
    shown = json.loads(ask(server, "pane/0")[1])
    cell = shown["sides"][0]["cells"][0]
    status, raw = ask(server, f"pane/0/{shown['trace']}/array/{cell['states'][0]['array']}")
    values = np.frombuffer(raw, "<f4").reshape(5, 3)
    assert status == 200
    watched = server._rooms[0].pane(shown["trace"]).trace.sides[0].runs[""].states.h[0]
    np.testing.assert_array_equal(values, watched.numpy())


def test_an_edit_has_a_trace_of_its_own(server: Server) -> None:
    first = json.loads(ask(server, "pane/0")[1])
    status, content = ask(server, "pane/0/trace", {"input": {"values": [[1, 2], [3, 4]]}})
    second = json.loads(content)
    assert (
        status == 200
        and second["sides"][0]["steps"] == ["1", "2"]
        and second["trace"] != first["trace"]
    )
    assert ask(server, f"pane/0/{first['trace']}/array/0")[0] == 200, (
        "what was shown can still be asked about"
    )
    assert json.loads(ask(server, f"pane/0/{second['trace']}/reach")[1])["cells"][0]["name"] == "h1"


@pytest.mark.parametrize(
    ("path", "given", "status", "says"),
    [
        ("pane/0/trace", {"input": 3}, 400, "input"),
        ("pane/0/trace", {"input": {"values": [[1, 2, 3]]}}, 400, "(batch, time, 2)"),
        ("pane/0/1/attribution", {"of": "x"}, 400, "nothing is known"),
        ("pane/0/1/nearest", {"side": 0, "cell": "h1", "step": 1}, 400, "corpus"),
        ("pane/0/1/nearest", {"side": 9, "cell": "h1", "step": 1}, 404, "nothing here"),
        ("pane/7", None, 404, "nothing here"),
        ("pane/0/99/array/0", None, 404, "nothing here"),
        ("pane/0/1/array/-1", None, 404, "nothing here"),
        ("../../etc/passwd", None, 404, "nothing here"),
        ("pane/0/trace", [1], 400, "object"),
    ],
)
def test_bad_requests(server: Server, path: str, given: Any, status: int, says: str) -> None:
    found, content = ask(server, path, given)
    assert found == status and says in json.loads(content)["error"]


def test_other_sites_are_not_answered(server: Server) -> None:
    assert ask(server, "/", root=True)[0] == 404, "without the key"
    assert ask(server, "pane/0", Host="evil.example")[0] == 404, (
        "a name that was bound to this machine"
    )
    assert ask(server, "pane/0/trace", {"input": {}}, Content_Type="text/plain")[0] == 400, "a form"


def test_a_port_that_is_taken(server: Server) -> None:
    port = urlsplit(server.url).port
    with pytest.raises(InputError, match=f"port {port} cannot be used"):
        ur.look(ur.GRU(2, 3), torch.randn(1, 5, 2)).serve(port or 0)


def test_a_closed_server_does_not_answer_a_page_that_is_still_open() -> None:
    server = ur.look(ur.GRU(2, 3), torch.randn(1, 5, 2)).serve()
    where = urlsplit(server.url)
    connection = http.client.HTTPConnection(where.netloc)
    connection.request("GET", where.path + "pane/0")
    assert connection.getresponse().read()
    server.close()
    connection.request("GET", where.path + "pane/0")
    with pytest.raises(http.client.RemoteDisconnected):
        connection.getresponse()
    connection.close()


@pytest.mark.parametrize("other", [0, 1])
def test_an_edit_does_not_wait_for_what_is_worked_out_for_any_pane(
    other: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ur.look(ur.GRU(2, 3), torch.randn(1, 5, 2), torch.randn(1, 4, 2)).serve()
    started, pane = threading.Event(), server._rooms[other].last

    def endless(trace: Trace, wanted: Wanted) -> None:
        started.set()
        while True:
            wanted.check()
            time.sleep(0.01)

    monkeypatch.setattr("unrolled.inside.pane.remembering", endless)
    answers: list[tuple[int, bytes]] = []
    asking = threading.Thread(
        target=lambda: answers.append(ask(server, f"pane/{other}/1/reach")), daemon=True
    )
    asking.start()
    assert started.wait(5)
    assert ask(server, "pane/0/trace", {"input": {"values": [[1, 2], [3, 4]]}})[0] == 200
    asking.join(5)
    assert answers == [(200, b'{"superseded": true}')]
    pane.wanted.check()
    server.close()


@pytest.mark.parametrize("given", [{}, {"values": "x"}, {"values": [[1], [2, 3]]}, {"text": "x"}])
def test_an_input_that_is_none_is_refused(server: Server, given: dict[str, Any]) -> None:
    status, content = ask(server, "pane/0/trace", {"input": given})
    assert status == 400 and json.loads(content)["error"]


def test_of_long_inputs_fewer_are_kept(server: Server, monkeypatch: Any) -> None:
    monkeypatch.setattr("unrolled.inside.server.NUMBERS", 0)
    for _ in range(3):
        last = json.loads(ask(server, "pane/0/trace", {"input": {"values": [[1, 2]]}})[1])["trace"]
    kept = [ask(server, f"pane/0/{trace}/array/0")[0] == 200 for trace in ("1", "2", "3", last)]
    assert kept == [False, False, False, True]
