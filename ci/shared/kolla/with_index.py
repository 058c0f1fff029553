"""Run kolla-build with a package index on this machine's loopback address: with_index.py CONSTRAINTS COMMAND...

Where pip needs a certificate authority, a proxy or another index than its default, an image's build needs them as well,
and nothing of that may stay in the image. So pip in the build asks here, and this machine's pip asks for it, by this
machine's settings. Served are the versions in CONSTRAINTS and no others, also to what builds a source distribution.
"""

from __future__ import annotations

import functools
import html
import subprocess
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import quote, unquote

# Of the version that requirements.txt names: pip has no public interface.
from pip._internal.commands import create_command
from pip._internal.exceptions import PipError
from pip._internal.index.collector import LinkCollector, parse_links
from pip._internal.models.link import Link
from pip._vendor.packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from pip._vendor.requests import RequestException

_CHUNK = 1 << 16


def main() -> int:
    """Serve until the command ends, and end as it does."""
    pins = _pins(Path(sys.argv[1]))
    command = create_command("download")
    options, _ = command.parse_args([])
    with command.main_context():
        upstream = _Upstream(LinkCollector.create(command.get_default_session(options), options))
        with HTTPServer(("127.0.0.1", 0), functools.partial(_Handler, pins, upstream)) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}"
            outcome = subprocess.run([*sys.argv[2:], "--tarballs-base", url], check=False)
            server.shutdown()
    return outcome.returncode


def _pins(path: Path) -> dict[str, str]:
    lines = (line.partition("===") for line in path.read_text().splitlines() if not line.startswith("#"))
    return {canonicalize_name(name): version for name, _, version in lines}


class _Upstream:
    """The index that this machine's pip uses."""

    def __init__(self, collector: LinkCollector) -> None:
        self._collector = collector
        self.get = collector.session.get
        self.files = functools.cache(self._files)

    def _files(self, project: str) -> dict[str, Link]:
        """All files of a project, by name; the first of a name holds."""
        found: dict[str, Link] = {}
        for place in self._collector.search_scope.get_index_urls_locations(project):
            page = self._collector.fetch_response(Link(place))
            for link in parse_links(page) if page else ():
                found.setdefault(link.filename, link)
        return found


class _Handler(BaseHTTPRequestHandler):
    """`/simple/PROJECT/` for pip, `/files/PROJECT/FILE` for all."""

    def __init__(self, pins: dict[str, str], upstream: _Upstream, *args: object) -> None:
        self._pins = pins
        self._upstream = upstream
        super().__init__(*args)

    def do_GET(self) -> None:
        """Answer with a page of links, with a file, or with what went wrong."""
        try:
            match unquote(self.path).strip("/").split("/"):
                case ["simple", project] if project in self._pins:
                    self._page(project)
                case ["files", project, name] if name in (files := self._upstream.files(project)):
                    self._file(files[name])
                case _:
                    self.send_error(HTTPStatus.NOT_FOUND)
        except (PipError, RequestException) as error:
            self.send_error(HTTPStatus.BAD_GATEWAY, explain=str(error))

    def _page(self, project: str) -> None:
        links = "".join(
            f'<a href="/files/{project}/{quote(name)}#{link.hash_name}={link.hash}">{html.escape(name)}</a>\n'
            for name, link in self._upstream.files(project).items()
            if _version(name) == self._pins[project]
        )
        self._start("text/html", None)
        self.wfile.write(f"<!DOCTYPE html>\n<html><body>\n{links}</body></html>\n".encode())

    def _file(self, link: Link) -> None:
        with self._upstream.get(link.url_without_fragment, stream=True, headers={"Accept-Encoding": "identity"}) as got:
            got.raise_for_status()
            self._start("application/octet-stream", got.headers.get("Content-Length"))
            for chunk in got.iter_content(_CHUNK):
                self.wfile.write(chunk)

    def _start(self, kind: str, length: str | None) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", length)
        self.end_headers()

    def log_request(self, *_: object) -> None:
        """Only errors: pip tells what it fetches."""


def _version(name: str) -> str | None:
    try:
        return str((parse_wheel_filename if name.endswith(".whl") else parse_sdist_filename)(name)[1])
    except (InvalidSdistFilename, InvalidWheelFilename):
        return None


if __name__ == "__main__":
    sys.exit(main())
