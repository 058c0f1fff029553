"""The cluster of a live run as the tests of chart authors see it: a namespace, a helm driver and a database server."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from osh_conformance.cluster.helm import DEFAULT_TIMEOUT
from osh_conformance.errors import SuiteError
from osh_conformance.folders import write_private
from osh_conformance.live.contexts import open_context
from osh_conformance.live.credentials import Credentials
from osh_conformance.manifests.privileges import pod_security
from osh_conformance.render.parse import containers_of
from osh_conformance.scenario import infrastructure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from osh_conformance import process
    from osh_conformance.cluster.helm import Helm
    from osh_conformance.live.session import LiveSession
    from osh_conformance.observe.context import CellContext
    from osh_conformance.observe.database import DatabaseServer

#: The Helm major version that tests get unless they request another one.
HELM_MAJOR = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformanceCluster:
    """The cluster of the run. `kubeconfig` is a file whose only context is `context`; `kubernetes` is `v1.36.1`."""

    name: str
    kubeconfig: Path
    context: str
    kubernetes: str


@dataclass(slots=True, kw_only=True)
class ConformanceHelm:
    """Installs, upgrades and uninstalls releases in one namespace, with a deadline, as an operator would.

    Each method returns the outcome of the helm program: `code`, `stdout`, `stderr`, `seconds` and `ok`. With `check`
    it raises `SuiteError` with helm's output for any other exit code than 0. `timeout` is in seconds.
    """

    namespace: str
    helm_major: int
    _session: LiveSession
    _context: CellContext
    _helm: Helm
    _written: int = 0

    def install(  # noqa: PLR0913  (helm's own options)
        self,
        release: str,
        chart: Path,
        values: Mapping[str, Any] | None = None,
        *,
        timeout: int = DEFAULT_TIMEOUT,
        wait: bool = True,
        check: bool = True,
    ) -> process.Outcome:
        """Install a chart. `wait`: until its pods are ready and its Jobs are complete (`--wait --wait-for-jobs`)."""
        return self._change("install", release, chart, values, timeout=timeout, wait=wait, check=check)

    def upgrade(  # noqa: PLR0913  (helm's own options)
        self,
        release: str,
        chart: Path,
        values: Mapping[str, Any] | None = None,
        *,
        timeout: int = DEFAULT_TIMEOUT,
        wait: bool = True,
        check: bool = True,
    ) -> process.Outcome:
        """Upgrade a release to a chart and these values."""
        return self._change("upgrade", release, chart, values, timeout=timeout, wait=wait, check=check)

    def uninstall(
        self, release: str, *, timeout: int = DEFAULT_TIMEOUT, hooks: bool = True, check: bool = True
    ) -> process.Outcome:
        """Uninstall a release; `hooks` False means `--no-hooks`."""
        outcome = self._helm.uninstall(
            release, self.namespace, timeout=timeout, hooks=hooks, cancel=self._context.cancel
        )
        return self._checked("uninstall", outcome, check=check)

    def _change(  # noqa: PLR0913
        self,
        action: str,
        release: str,
        chart: Path,
        values: Mapping[str, Any] | None,
        *,
        timeout: int,
        wait: bool,
        check: bool,
    ) -> process.Outcome:
        folder, files = self._prepare(release, chart, values)
        outcome = self._helm.install(
            release,
            folder,
            self.namespace,
            files,
            upgrade=action == "upgrade",
            timeout=timeout,
            wait=wait,
            cancel=self._context.cancel,
        )
        return self._checked(action, outcome, check=check)

    def _prepare(self, release: str, chart: Path, values: Mapping[str, Any] | None) -> tuple[Path, list[Path]]:
        """Write the values, and publish the images that the chart uses with them where the cluster pulls."""
        session = self._session
        folder = session.charts.folder(chart)
        texts = session.suite.renderer.render(folder, values or {}, release, self.namespace)
        for reference in sorted({container.image for container in containers_of(texts) if container.image}):
            session.images.publish(reference)
        self._written += 1
        file = self._context.folder / f"values-{self._written}.yaml"
        return folder, [write_private(file, yaml.safe_dump(dict(values or {})))]

    def _checked(self, action: str, outcome: process.Outcome, *, check: bool) -> process.Outcome:
        self._context.secrets.learn()
        if check and not outcome.ok:
            raise SuiteError(
                f"helm {action} ended with exit code {outcome.code}",
                expected="exit code 0",
                details=self._context.secrets.redact(outcome.tail),
            )
        return outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformanceDatabase:
    """A MariaDB server in the test's namespace: charts log in at `host` and `port` as its administrator, `username`."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    _server: DatabaseServer = field(repr=False)

    def databases(self) -> tuple[str, ...]:
        """Return the names of the databases, without those of the server itself, sorted."""
        return tuple(sorted(self._server.names().databases))

    def accounts(self) -> Mapping[str, tuple[str, ...]]:
        """Return by account (`user@host`) its grants (`ALL PRIVILEGES ON keystone`), those of the server included."""
        return self._server.names().accounts

    def change(self, sql: str) -> str:
        """Run SQL statements as the administrator; return what they print, one row a line."""
        return self._server.change(sql)


class OwnNamespace:
    """An empty namespace of one test, with what the test uses in it."""

    def __init__(self, session: LiveSession, context: CellContext, credentials: Credentials) -> None:
        self._session = session
        self._context = context
        self._credentials = credentials

    @property
    def name(self) -> str:
        """The name of the namespace."""
        return self._context.namespace

    def helm(self, helm_major: int = HELM_MAJOR) -> ConformanceHelm:
        """Return the helm driver of a major version; raises `SuiteError` for one that this run does not have."""
        programs = self._session.tools.helm
        if helm_major not in programs:
            raise SuiteError(
                f"this run has no helm {helm_major}", expected=f"one of {', '.join(map(str, sorted(programs)))}"
            )
        return ConformanceHelm(
            namespace=self.name,
            helm_major=helm_major,
            _session=self._session,
            _context=self._context,
            _helm=self._session.helm(helm_major, self._credentials.secrets),
        )

    def database(self) -> ConformanceDatabase:
        """Install a database server and wait until it is ready; raises `SuiteError` if it does not become so."""
        component = self._credentials.server()
        self._session.images.publish(component.image)
        pod = infrastructure.install([component], self._context)[component.name]
        where = self._credentials.coordinates
        return ConformanceDatabase(
            host=str(where["host"]),
            port=int(where["port"]),
            username=str(where["username"]),
            password=self._credentials.password,
            _server=infrastructure.database_server(component, pod, self._context),
        )


def cluster_of(session: LiveSession) -> ConformanceCluster:
    """Return the cluster of a session."""
    return ConformanceCluster(
        name=session.cluster.name,
        kubeconfig=session.kubeconfig,
        context=session.cluster.context,
        kubernetes=session.kubernetes,
    )


@contextlib.contextmanager
def own_namespace(session: LiveSession, title: str) -> Iterator[OwnNamespace]:
    """Create an empty namespace at the Pod Security level baseline; it is removed afterwards.

    `title` names the test in the progress. Raises `SuiteError` if the cluster does not create it.
    """
    name = f"own-{secrets.token_hex(4)}"
    credentials = Credentials.new(name)
    session.create_namespace(name, {**session.run_label, **pod_security(())})
    try:
        with open_context(
            session, name, title=title, helm_major=max(session.tools.helm), secrets=credentials.secrets
        ) as context:
            yield OwnNamespace(session, context, credentials)
    finally:
        session.remove_namespace(name)
