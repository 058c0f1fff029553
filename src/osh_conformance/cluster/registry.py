"""The registry of a run: mirror of every host in use, and the witness of what was really pulled."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import re
import time
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.provision import images, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from osh_conformance.progress import Progress
    from osh_conformance.provision.engine import Engine
    from osh_conformance.provision.runs import Run
    from osh_conformance.provision.toolbox import Toolbox

_PORT = 5000
_AGENT = "osh-conformance"
#: Who asks the registry for us: the suite itself, and the engine that pushes.
_OWN_AGENTS = (_AGENT, "docker/")
_READY = 30.0
_ANSWER = 10.0
_ACCEPT = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)
_ACCESS = re.compile(
    r'^(?P<time>\S+Z) (?P<client>\S+) \S+ \S+ \[[^]]+\] "(?P<method>[A-Z]+) (?P<target>\S+) [^"]*" '
    r'(?P<status>\d{3}) \S+ "[^"]*" "(?P<agent>[^"]*)"'
)
_TARGET = re.compile(r"^/v2/(?P<host>[^/]+)/(?P<path>.+)/(?P<kind>manifests|blobs)/(?P<reference>[^/]+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryRequest:
    """One request of a node.

    `repository` begins with the host, as in an image reference; `kind` is manifests or blobs.
    """

    time: dt.datetime
    client: str
    method: str
    repository: str
    kind: str
    reference: str
    status: int
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The registry container of a run. `push_endpoint` is host and port as this machine sees it."""

    container: str
    push_endpoint: str
    engine: Engine

    @property
    def inside(self) -> str:
        """Its address on the cluster's network."""
        return f"http://{self.container}:{_PORT}"

    def resolve(self, reference: str) -> tuple[str, ...]:
        """The digests that `reference` has: the manifest's, and for an index those of the platforms' manifests.

        Raises `SuiteError` where the registry does not serve it.
        """
        asked = images.name(reference)
        status, headers, body = self._get(f"/v2/{asked.repository}/manifests/{asked.wanted}")
        if status != http.HTTPStatus.OK:
            raise SuiteError(f"the mirror does not serve {reference}: {status}", details=body.decode(errors="replace"))
        listed = json.loads(body).get("manifests", ())
        return (headers["docker-content-digest"], *(entry["digest"] for entry in listed))

    def requests(self, since: dt.datetime | None = None) -> tuple[RegistryRequest, ...]:
        """What nodes asked the registry since then, in order. Requests of this suite and of pushes are left out."""
        window = ["--since", since.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")] if since else []
        outcome = self.engine.run("logs", "--timestamps", *window, self.container)
        return tuple(parse_log(f"{outcome.stdout}\n{outcome.stderr}".splitlines()))

    def answers(self) -> bool:
        """Whether it can be asked."""
        try:
            return self._get("/v2/")[0] == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def _get(self, path: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.push_endpoint, timeout=_ANSWER)
        try:
            connection.request("GET", path, headers={"Accept": _ACCEPT, "User-Agent": _AGENT})
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        finally:
            connection.close()


def start(toolbox: Toolbox, run: Run, progress: Progress) -> Registry:
    """Start the registry of a run on the run's network; raises `SuiteError` with its log if it does not answer."""
    image, _ = images.obtain(images.REGISTRY_IMAGE, toolbox, progress)
    engine = toolbox.engine
    container = f"{run.cluster}-registry"
    labels = [f"--label={runs.RUN_LABEL}={run.id}", f"--label={runs.STATE_LABEL}={toolbox.folders.state}"]
    # The port is the engine's to choose: no other program can have taken it.
    engine.run(
        "run",
        "--detach",
        "--name",
        container,
        "--network",
        run.cluster,
        *labels,
        "--publish",
        f"127.0.0.1::{_PORT}",
        image,
    )
    registry = Registry(container=container, push_endpoint=_endpoint(engine, container), engine=engine)
    (run.folder / "registry-endpoint").write_text(registry.push_endpoint)
    end = time.monotonic() + _READY
    while not registry.answers():
        if time.monotonic() > end:
            outcome = engine.run("logs", "--tail", "20", container, check=False)
            raise SuiteError(
                f"the registry {container} does not answer at {registry.push_endpoint}", details=outcome.tail
            )
        time.sleep(0.05)  # a port has no event to wait for
    return registry


def existing(engine: Engine, run: Run) -> Registry:
    """The registry of a run that was kept."""
    container = f"{run.cluster}-registry"
    return Registry(container=container, push_endpoint=_endpoint(engine, container), engine=engine)


def parse_log(lines: Iterable[str]) -> Iterator[RegistryRequest]:
    """The requests of nodes for manifests and blobs, from the log of `docker logs --timestamps`."""
    for line in lines:
        match = _ACCESS.match(line)
        if match is None or match["agent"].startswith(_OWN_AGENTS):
            continue
        url = urllib.parse.urlsplit(match["target"])
        target = _TARGET.match(urllib.parse.unquote(url.path))
        if target is None:
            continue
        # containerd says which host it means, also where that host has no repositories of its own here.
        meant = urllib.parse.parse_qs(url.query).get("ns", [target["host"]])[0]
        yield RegistryRequest(
            time=_time(match["time"]),
            client=match["client"],
            method=match["method"],
            repository=f"{meant}/{target['path']}",
            kind=target["kind"],
            reference=target["reference"],
            status=int(match["status"]),
            agent=match["agent"],
        )


def _time(text: str) -> dt.datetime:
    seconds, _, fraction = text.rstrip("Z").partition(".")
    return dt.datetime.fromisoformat(f"{seconds}.{fraction[:6]:0<6}+00:00")


def _endpoint(engine: Engine, container: str) -> str:
    """Host and port of 127.0.0.1 as the engine reports it: the first line, since there may be one for IPv6."""
    return engine.lines("port", container, f"{_PORT}/tcp")[0].strip()
