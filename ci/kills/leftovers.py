"""Leftovers of a run."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ci.kills.drawing import CLUSTER
from ci.kills.home import WRITTEN, Home
from ci.kills.processes import QUICK, carriers
from osh_conformance import process
from osh_conformance.provision import gc_nodes, runs

if TYPE_CHECKING:
    from collections.abc import Collection

    from osh_conformance.provision.docker import Docker


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What a killed run has in Docker, by ids that nothing else will ever have."""

    containers: frozenset[str]
    networks: frozenset[str]
    volumes: frozenset[str]


@dataclass(slots=True, kw_only=True)
class Leftovers:
    """Looks for leftovers of the runs of one home. `spared` is the cluster of a kept run."""

    docker: Docker
    home: Home
    spared: str = ""
    clusters: set[str] = field(default_factory=set)
    before: dict[str, set[str]] = field(default_factory=dict)
    reported: set[str] = field(default_factory=set)

    def expect(self) -> None:
        """Remember what exists now, which the next run did not create."""
        # A volume that is in use now may be unused later.
        everything = set(self.docker.lines("volume", "ls", "--quiet"))
        self.before = self._unnamed() | {"volume": everything, "files": self._files()}

    def traces(self, printed: str) -> Traces:
        """Return what the killed run has in Docker now."""
        self.clusters |= set(CLUSTER.findall(printed)) - {self.spared}
        containers = frozenset(identity for identity, _ in self._listed("ps", "--all", "{{.ID}} {{.Names}}"))
        template = '{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{end}}{{end}}'
        mounted = self.docker.run("container", "inspect", "--format", template, *containers, check=False).stdout.split()
        return Traces(
            containers=containers,
            networks=frozenset(identity for identity, _ in self._listed("network", "ls", "{{.ID}} {{.Name}}")),
            volumes=frozenset(mounted) - {runs.store_volume(self.home.folders)},
        )

    def found(self, traces: Traces) -> tuple[str, ...]:
        """Return the leftovers that no earlier round has reported."""
        left = [f"container {name}" for _, name in self._listed("ps", "--all", "{{.ID}} {{.Names}}")]
        left += [f"network {name}" for _, name in self._listed("network", "ls", "{{.ID}} {{.Name}}")]
        left += [f"process {pid}: {words}" for pid, words in carriers(self.home.mark).items()]
        left += [f"process in container {name}" for name in self._confined(traces)]
        left += self._of_networks(traces)
        volumes = set(self.docker.lines("volume", "ls", "--quiet"))
        left += [f"volume {name}" for name in traces.volumes & volumes]
        left += [f"file {name}" for name in topmost(self._files() - self.before["files"])]
        left += self._mounts()
        left += self._in_nodes()
        left += self._new_unnamed()
        fresh = [each for each in dict.fromkeys(left) if each not in self.reported]
        self.reported |= set(fresh)
        return tuple(fresh)

    def _listed(self, *words: str) -> list[tuple[str, str]]:
        """Return id and name of things with a label of this home, or a label or name of its runs' clusters."""
        *command, template = words
        labels = (runs.STATE_LABEL, runs.KIND_LABEL)
        shown = " ".join([template, *(f'{{{{or (.Label "{label}") "-"}}}}' for label in labels)])
        found = []
        for line in self.docker.lines(*command, "--no-trunc", "--format", shown):
            identity, name, state, kind = line.split(" ")
            if self.spared and name.startswith(self.spared):
                continue
            ours = any(name.startswith(cluster) or kind == cluster for cluster in self.clusters)
            if ours or state == str(self.home.folders.state):
                found.append((identity, name))
        return found

    @staticmethod
    def _confined(traces: Traces) -> set[str]:
        """Return the run's containers that have processes."""
        found = set()
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                groups = (path / "cgroup").read_text()
                words = (path / "cmdline").read_bytes().decode(errors="replace")
                found |= {name for name in traces.containers if name in groups or name in words}
        return found

    @staticmethod
    def _of_networks(traces: Traces) -> list[str]:
        bridges = [f"br-{identity[:12]}" for identity in traces.networks]
        left = [f"interface {bridge}" for bridge in bridges if Path("/sys/class/net", bridge).exists()]
        program = shutil.which("iptables-save", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if program is None or os.geteuid() != 0:
            return left
        rules = process.run([program], deadline=QUICK, check=False).stdout
        return left + [f"firewall rules for {bridge}" for bridge in bridges if bridge in rules]

    def _mounts(self) -> list[str]:
        points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        return [f"mount {point}" for point in points if point.startswith(str(self.home.folder))]

    def _in_nodes(self) -> list[str]:
        """Return the changes that a fault left in the nodes of the kept cluster."""
        if not self.spared:
            return []
        nodes = self.docker.lines("ps", "--filter", f"label={runs.KIND_LABEL}={self.spared}", "--format", "{{.Names}}")
        return [what for what, _ in gc_nodes.left_in(self.docker, nodes)]

    def _files(self) -> set[str]:
        """Return the files in the folders that a run of this home writes, without those that outlive runs."""
        places = [self.home.folders.state, *(self.home.folders.cache / name for name in WRITTEN)]
        places += [self.home.folder / name for name in ("tmp", "user", "work")]
        found = {str(path) for place in places for path in place.rglob("*") if path.suffix != ".chart"}
        lasting = {str(self.home.folders.state / name) for name in ("runs", "runs/.lock", "scratch")}
        lasting |= {str(self.home.folders.state / f"timings.{name}") for name in ("json", "lock")}
        spared = str(self.home.folders.runs / self.spared.removeprefix("osh-conformance-")) if self.spared else "\0"
        return {name for name in found - lasting if not name.startswith(spared)}

    def _unnamed(self) -> dict[str, set[str]]:
        """Return things that carry no mark of a run: unused volumes, and names of images."""
        names = self.docker.lines("image", "ls", "--format", "{{.Repository}}:{{.Tag}}")
        return {
            "volume": set(self.docker.lines("volume", "ls", "--quiet", "--filter", "dangling=true")),
            # The names under which images are pushed to a run's registry.
            "image name": {name for name in names if "/store/" in name},
        }

    def _new_unnamed(self) -> list[str]:
        """Return the new ones among them. It looks twice, because other programs use Docker too."""
        lasting = runs.store_volume(self.home.folders)
        found: list[set[str]] = []
        for pause in (0.0, 2.0):
            time.sleep(pause)
            now = self._unnamed()
            found.append({f"{kind} {name}" for kind in now for name in now[kind] - self.before[kind] - {lasting}})
            if not found[-1]:
                return []
        return sorted(found[0] & found[1])


def topmost(names: Collection[str]) -> list[str]:
    """Return the paths that are not below another one of them."""
    return sorted(name for name in names if not any(str(parent) in names for parent in Path(name).parents))
