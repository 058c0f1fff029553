"""Fixtures for the tests of chart authors: the cluster of a run with `--live`, a namespace, helm and a database.

This module loads in every pytest run: it imports nothing heavy before a test uses a fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.live.author_tests import ConformanceCluster, ConformanceDatabase, ConformanceHelm, OwnNamespace
    from osh_conformance.live.session import LiveSession

_HELP = "run pytest with --live and with --charts PATH, the folder of the chart"
#: The name under which the live half registers.
LIVE_PLUGIN = "osh-conformance-live"
_FIXTURES = frozenset({"conformance_cluster", "conformance_namespace", "conformance_helm", "conformance_database"})


def uses_cluster(item: pytest.Item) -> bool:
    """Return whether a test uses one of these fixtures, so that the run needs its cluster."""
    return bool(_FIXTURES & set(getattr(item, "fixturenames", ())))


@pytest.fixture
def conformance_cluster(request: pytest.FixtureRequest) -> ConformanceCluster:
    """The cluster of the run: `name`, `kubeconfig`, `context` and `kubernetes` (its version)."""
    session = _session(request)
    from osh_conformance.live.author_tests import cluster_of  # noqa: PLC0415  (imports the Kubernetes client)

    return cluster_of(session)


@pytest.fixture
def conformance_namespace(_own_namespace: OwnNamespace) -> str:
    """The name of an empty namespace for this test. It is removed when the test ends."""
    return _own_namespace.name


@pytest.fixture
def conformance_helm(_own_namespace: OwnNamespace) -> ConformanceHelm:
    """Install, upgrade and uninstall releases in the test's namespace, with Helm 4."""
    return _own_namespace.helm()


@pytest.fixture
def conformance_database(_own_namespace: OwnNamespace) -> ConformanceDatabase:
    """A MariaDB server of the test's own, in its namespace: `host`, `port`, `username`, `password`, and questions."""
    return _own_namespace.database()


@pytest.fixture
def _own_namespace(request: pytest.FixtureRequest) -> Iterator[OwnNamespace]:
    session = _session(request)
    from osh_conformance.live.author_tests import own_namespace  # noqa: PLC0415  (imports the Kubernetes client)

    with own_namespace(session, request.node.nodeid) as namespace:
        yield namespace


def _session(request: pytest.FixtureRequest) -> LiveSession:
    """Return the open session of the run; the test ends with an error where there is none."""
    live = request.config.pluginmanager.get_plugin(LIVE_PLUGIN)
    if live is None:
        pytest.fail(f"{request.fixturename} needs a cluster: {_HELP}", pytrace=False)
    error = ""
    try:
        session: LiveSession = live.required_session()
    except Exception as reason:  # noqa: BLE001  (a cluster that does not open is an error of each test)
        error = str(reason)
    # Outside of the `except`, so that pytest prints this error alone.
    if error:
        pytest.fail(f"{request.fixturename}: {error}", pytrace=False)
    return session
