"""What a dead run left in the nodes of a kept cluster: what a fault does to a node lasts until it is repaired."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from osh_conformance.provision.docker import Docker

#: The comment of a firewall rule of ours.
RULE_MARK = "osh-conformance"
#: Where a node's containerd looks for the mirror of a host.
MIRRORS = "/etc/containerd/certs.d"
#: The end of the name of every host that only the nodes know.
OWN_HOSTS = ".osh-conformance.invalid"
_FIREWALLS = ("iptables", "ip6tables")


def left_in(engine: Docker, nodes: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What there is, each in words and with the engine's command that removes it. A node may lack the programs."""
    for node in nodes:
        for program in _FIREWALLS:
            for rule in _rules(engine, node, program):
                yield f"firewall rule in node {node}", ("exec", node, program, "--wait", "--delete", *rule)
        found = engine.run("exec", node, "find", MIRRORS, "-maxdepth", "1", "-name", f"*{OWN_HOSTS}", check=False)
        for folder in found.stdout.split():
            yield f"folder {folder} in node {node}", ("exec", node, "rm", "-rf", folder)


def _rules(engine: Docker, node: str, program: str) -> Iterator[tuple[str, ...]]:
    listed = engine.run("exec", node, program, "--wait", "--list-rules", "FORWARD", check=False)
    for line in listed.stdout.splitlines():
        action, *rule = shlex.split(line)
        if action == "-A" and RULE_MARK in rule:
            yield tuple(rule)
