"""The way to the server cut: packets to its address disappear in the node."""

from __future__ import annotations

from osh_conformance.errors import SuiteError
from osh_conformance.provision.gc_nodes import RULE_MARK
from osh_conformance.scenario.faults.base import Fault, Need, fault


@fault("way-cut")
class WayCut(Fault):
    """A firewall rule in each node drops what other pods send to the server; kubelet still reaches it."""

    reachable = False
    needs = (Need.NODES,)

    def strike(self) -> None:
        self._rule("--insert")

    def repair(self) -> None:
        self._rule("--delete")

    def _rule(self, action: str) -> None:
        address = self.run.site.kube.pod_address(self.run.site.namespace, self.run.server.pod)
        cluster = self.run.site.cluster
        program = "ip6tables" if ":" in address else "iptables"
        mark = ("--match", "comment", "--comment", RULE_MARK)
        words = ("--destination", address, "--protocol", "tcp", *mark, "--jump", "DROP")
        for node in cluster.nodes:
            outcome = cluster.node_exec(node, program, "--wait", action, "FORWARD", *words, check=False)
            if not outcome.ok:
                raise SuiteError(f"{self.name}: {program} in node {node} failed", details=outcome.tail)
