"""A cluster whose nodes pull through a registry that fails on demand, and one image of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from osh_conformance.registry.server import Registry
from osh_conformance.scenario.faults.registry_proxy import FaultyImage, FaultyRegistry
from tests.unit.scenario.registry_proxy.nodes import AREA, REFERENCE, SOURCE, FakeDocker, Node, cluster_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.cluster.cluster import Cluster
    from tests.unit.registry.fake import FakeRegistry


@pytest.fixture
def docker() -> FakeDocker:
    return FakeDocker()


@pytest.fixture
def upstream(fake_registry: FakeRegistry) -> FakeRegistry:
    """The registry of the run, which serves REFERENCE. Two of its layers are the same."""
    fake_registry.push(SOURCE, "1.0.0", layers=[b"a layer"] * 2)
    return fake_registry


@pytest.fixture
def cluster(upstream: FakeRegistry, docker: FakeDocker) -> Cluster:
    registry = Registry(container="registry", push_endpoint=upstream.endpoint, area=AREA, docker=cast("Any", docker))
    return cluster_of(docker, registry)


@pytest.fixture
def registry(cluster: Cluster) -> Iterator[FaultyRegistry]:
    with FaultyRegistry(cluster) as proxy:
        yield proxy


@pytest.fixture
def image(registry: FaultyRegistry) -> FaultyImage:
    return registry.image(REFERENCE)


@pytest.fixture
def node(docker: FakeDocker, image: FaultyImage) -> Node:
    return Node(docker=docker, image=image)
