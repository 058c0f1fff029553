"""A cluster, as the rest of the suite uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from osh_conformance import process
    from osh_conformance.provision.docker import Docker
    from osh_conformance.registry.server import Registry

#: The names of capabilities.
REGISTRY = "registry"
NODE_EXEC = "node-exec"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster, and the way to reach it. `capabilities` maps a name to whether the cluster has it, and why not."""

    name: str
    kubeconfig: Path
    context: str
    nodes: tuple[str, ...]
    registry: Registry | None
    owned: bool
    capabilities: Mapping[str, tuple[bool, str]]
    docker: Docker | None = None

    def node_exec(self, node: str, *argv: str, deadline: float = 60.0, check: bool = True) -> process.Outcome:
        """Run a command in a node; raises `SuiteError` if the suite cannot run commands in the nodes."""
        able, reason = self.capabilities[NODE_EXEC]
        if not able or self.docker is None:
            raise SuiteError(f"cluster {self.name}: the suite cannot run commands in its nodes: {reason}")
        return self.docker.run("exec", node, *argv, deadline=deadline, check=check)
