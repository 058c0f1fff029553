"""A fault of the network: nodes drop packets to the database server."""

from __future__ import annotations

from osh_conformance.errors import SuiteError
from osh_conformance.provision.gc_nodes import RULE_MARK
from osh_conformance.scenario.faults.base import Fault, fault


@fault("network-cut")
class NetworkCut(Fault):
    """A firewall rule in each node drops packets from other pods to the server; the kubelet still reaches it."""

    def inject(self) -> None:
        self._rule("--insert")

    def repair(self) -> None:
        self._rule("--delete")

    def _rule(self, action: str) -> None:
        address = self.state.context.kube.pod_address(self.state.context.namespace, self.state.server.pod)
        cluster = self.state.context.cluster
        program = "ip6tables" if ":" in address else "iptables"
        mark = ("--match", "comment", "--comment", RULE_MARK)
        rule = ("--destination", address, "--protocol", "tcp", *mark, "--jump", "DROP")
        for node in cluster.nodes:
            outcome = cluster.node_exec(node, program, "--wait", action, "FORWARD", *rule, check=False)
            if not outcome.ok:
                raise SuiteError(f"{self.id}: {program} in node {node} failed", details=outcome.tail)
