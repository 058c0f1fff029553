"""Files, rules and programs in a node, and the changes that a dead run left in the nodes of a kept cluster."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from osh_conformance.provision.docker import Docker

#: kubectl on a control-plane node, as the cluster's administrator.
ADMIN_KUBECTL = ("kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf")
#: The comment that marks the suite's firewall rules.
RULE_MARK = "osh-conformance"
#: The folder in which a node's containerd looks up the mirror of a registry host.
MIRRORS = "/etc/containerd/certs.d"
#: The suffix of host names that exist only in the nodes.
OWN_HOSTS = ".osh-conformance.invalid"
_FIREWALLS = ("iptables", "ip6tables")


def left_in(docker: Docker, nodes: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield a description of each leftover, and the docker command that removes it.

    A node may lack the firewall programs; that is no error.
    """
    for node in nodes:
        for program in _FIREWALLS:
            for rule in _rules(docker, node, program):
                yield f"firewall rule in node {node}", ("exec", node, program, "--wait", "--delete", *rule)
        found = docker.run("exec", node, "find", MIRRORS, "-maxdepth", "1", "-name", f"*{OWN_HOSTS}", check=False)
        for folder in found.stdout.split():
            yield f"folder {folder} in node {node}", ("exec", node, "rm", "-rf", folder)


def _rules(docker: Docker, node: str, program: str) -> Iterator[tuple[str, ...]]:
    listed = docker.run("exec", node, program, "--wait", "--list-rules", "FORWARD", check=False)
    for line in listed.stdout.splitlines():
        action, *rule = shlex.split(line)
        if action == "-A" and RULE_MARK in rule:
            yield tuple(rule)
