"""The library's scripts for the message queue, on an HTTP server that answers as RabbitMQ's does."""

from __future__ import annotations

import base64
import json
import runpy
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from tests.paths import CHARTS

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILES = CHARTS / "library" / "files"
_ODD = "he/at %é"
_ADMINISTRATOR = "administrator:pass:wörd"


class _Queue:
    """What the server holds, by its path below /api, and what it does not do as it should."""

    def __init__(self) -> None:
        self.things: dict[tuple[str, ...], Any] = {("vhosts", "/"): {}, ("users", "administrator"): {}}
        #: The statuses of the next answers.
        self.failures: list[int] = []
        self.keeps = False

    def answer(self, method: str, place: tuple[str, ...], body: Any) -> tuple[int, Any]:
        if self.failures:
            return self.failures.pop(), None
        if method == "PUT":
            self.things[place] = body
            return 201, None
        if place not in self.things:
            return 404, None
        if method == "DELETE" and not self.keeps:
            self.things = {each: thing for each, thing in self.things.items() if place[1] not in each[1:]}
        return 200, {}


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Queue]:
    found = _Queue()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            login = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            place = tuple(unquote(part) for part in self.path.removeprefix("/api/").split("/"))
            status, content = found.answer(self.command, place, json.loads(body) if body else None)
            self.send_response(status if login == _ADMINISTRATOR else 401)
            self.end_headers()
            if content is not None:
                self.wfile.write(json.dumps(content).encode())

        do_GET = do_PUT = do_DELETE = _answer  # noqa: N815  (the names of the base class)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    variables = {
        "MESSAGING_URL": f"http://127.0.0.1:{server.server_port}",
        "MESSAGING_VHOST": _ODD,
        "MESSAGING_USER": "heat:user",
        "MESSAGING_PASSWORD": "päss",
        "MESSAGING_ADMIN_USER": "administrator",
        "MESSAGING_ADMIN_PASSWORD": "pass:wörd",
        "MESSAGING_ATTEMPT_SECONDS": "6",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(_FILES))
    yield found
    server.shutdown()
    server.server_close()
    sys.modules.pop("rabbit_api", None)


def _run(script: str) -> None:
    sys.modules.pop("rabbit_api", None)
    runpy.run_path(str(_FILES / script), run_name="__main__")


def test_init_creates_vhost_user_and_permissions_of_any_name(queue: _Queue) -> None:
    _run("rabbit_init.py")
    _run("rabbit_init.py")
    assert queue.things["users", "heat:user"] == {"password": "päss", "tags": ""}
    assert ("vhosts", _ODD) in queue.things
    assert queue.things["permissions", _ODD, "heat:user"]["read"] == ".*"


def test_drop_removes_them_and_nothing_else(queue: _Queue, capsys: pytest.CaptureFixture[str]) -> None:
    before = dict(queue.things)
    _run("rabbit_init.py")
    _run("rabbit_drop.py")
    assert queue.things == before
    assert "gone: user heat:user" in capsys.readouterr().out


def test_drop_is_content_with_what_is_already_gone(queue: _Queue) -> None:
    before = dict(queue.things)
    _run("rabbit_drop.py")
    assert queue.things == before


def test_drop_fails_if_the_server_still_has_what_was_removed(queue: _Queue) -> None:
    _run("rabbit_init.py")
    queue.keeps = True
    with pytest.raises(SystemExit, match="is still there"):
        _run("rabbit_drop.py")


def test_scripts_wait_for_a_server_that_is_not_ready(queue: _Queue) -> None:
    queue.failures = [503]
    _run("rabbit_init.py")
    assert ("vhosts", _ODD) in queue.things


def test_a_refusal_ends_the_script_at_once(queue: _Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESSAGING_ADMIN_PASSWORD", "other")
    with pytest.raises(SystemExit, match="401"):
        _run("rabbit_drop.py")
    assert ("vhosts", "/") in queue.things


@pytest.mark.parametrize(("variable", "value"), [("MESSAGING_VHOST", "/"), ("MESSAGING_USER", "administrator")])
def test_what_belongs_to_the_server_is_refused(
    queue: _Queue, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    before = dict(queue.things)
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit, match=variable):
        _run("rabbit_drop.py")
    assert queue.things == before


# -- the script that serves APIs -------------------------------------------------------------------------------------


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The function of wsgi_server.py, and a service with an application in its newer place."""
    newer = ModuleType("service_newer")
    newer.made = lambda *arguments: arguments  # type: ignore[attr-defined]
    newer.ready = "ready"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "service_newer", newer)
    return runpy.run_path(str(_FILES / "wsgi_server.py"))["application"]


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (["service_newer:ready"], "ready"),
        (["service_older.wsgi:ready", "service_newer:made()"], ()),
        (["service_newer:made(osapi,5)", "service_newer:ready"], ("osapi", "5")),
    ],
)
def test_the_first_place_that_exists_is_served(application: Any, places: list[str], expected: object) -> None:
    assert application(places) == expected


def test_an_image_without_any_of_the_places_is_an_error(application: Any) -> None:
    with pytest.raises(SystemExit, match="service_older"):
        application(["service_older:ready"])


def test_a_module_that_lacks_another_one_is_no_missing_place(
    application: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "service_broken.py").write_text("import module_that_nobody_has\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="module_that_nobody_has"):
        application(["service_broken:ready", "service_newer:ready"])
