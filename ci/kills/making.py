"""Creating the bystanders."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ci.kills.bystanders import Bystander, Bystanders
from ci.kills.dumps import Dump, container, files, network, volume
from ci.kills.home import LONGEST, Home
from ci.kills.processes import start_of
from ci.kills.tenant import CREATE, READY, Place, Tenant
from osh_conformance import process
from osh_conformance.cluster.kind import kind_config, kind_environment
from osh_conformance.errors import SuiteError
from osh_conformance.folders import default_folders
from osh_conformance.model.convention import DATABASE
from osh_conformance.plan.servers import SERVERS
from osh_conformance.provision import runs, scratch
from osh_conformance.registry import images

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Sequence

    from osh_conformance.progress import Progress
    from osh_conformance.provision.tools import Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A kept cluster and its owner."""

    home: Home
    run: runs.RunFolder
    place: Place


@dataclass(slots=True, kw_only=True)
class Making:
    """Creates bystanders, and removes them when `stack` closes."""

    tools: Tools
    home: Path
    identity: str
    progress: Progress
    stack: contextlib.ExitStack
    found: Bystanders = field(default_factory=Bystanders)

    @property
    def _name(self) -> str:
        return f"bystander-{self.identity}"

    def all(self, chart: Path, kept: Home, scenario: str) -> tuple[Bystanders, Kept]:
        """Create every bystander; return them and the kept cluster."""
        image, _ = images.obtain(SERVERS[DATABASE].image, self.tools, self.progress)
        with self.progress.step(f"bystanders: container, network, volume, process and folders {self._name}"):
            self._small(kept)
        with self.progress.step(f"bystander: kind cluster {self._name}"):
            own = self._cluster()
        with self.progress.step(f"bystander: release and database on cluster {self._name}"):
            self._tenant(own, image, "somebody", "ledger")
        self._of_place(own, shared=False)
        with self.progress.step("bystander: a kept cluster of another state folder"):
            stays = self._kept(kept, chart, scenario)
        with self.progress.step(f"bystander: release and database on cluster {stays.place.name}"):
            # Both names begin like the suite's own: only its label distinguishes a cell.
            self._tenant(stays.place, image, "cell-phones", "keystone")
        self._of_place(stays.place, shared=True)
        return self.found, stays

    def _tenant(self, place: Place, image: str, namespace: str, release: str) -> None:
        load = ("load", "docker-image", image, "--name", place.name)
        process.run(
            process.Command(argv=[self.tools.kind, *load], env={**self.tools.docker.env, "KUBECONFIG": os.devnull}),
            deadline=CREATE,
        )
        helm = self.tools.helm[4]
        tenant = Tenant(place=place, namespace=namespace, release=release, helm=helm, home=self.home)
        tenant.install(image)
        self.found.known += tenant.bystanders()

    def _of_place(self, place: Place, *, shared: bool) -> None:
        self.found.known += [
            Bystander(name=f"containers and network of cluster {place.name}", dump=place.containers),
            Bystander(name=f"objects of cluster {place.name}", dump=place.objects, shared=shared),
            Bystander(name=f"kubeconfig of cluster {place.name}", dump=lambda: files(place.kubeconfig)),
        ]

    def _cluster(self) -> Place:
        docker = self.tools.docker
        config, kubeconfig = self.home / "kind.yaml", self.home / "kubeconfig"
        config.write_text(yaml.safe_dump(kind_config(self.tools.kind_config)))
        env = kind_environment(self.tools, self._name)
        where = ("--name", self._name, "--kubeconfig", kubeconfig)
        docker.run("network", "create", self._name)
        self.stack.callback(docker.run, "network", "rm", self._name, check=False)
        delete = process.Command(argv=[self.tools.kind, "delete", "cluster", *where], env=env)
        self.stack.callback(process.run, delete, deadline=CREATE)
        image = ("--image", self.tools.node_image) if self.tools.node_image else ()
        words = ("create", "cluster", *where, "--config", config, "--wait", f"{READY}s", *image)
        process.run(process.Command(argv=[self.tools.kind, *words], env=env), deadline=CREATE)
        return Place(docker=docker, name=self._name, kubeconfig=kubeconfig)

    def _kept(self, kept: Home, chart: Path, scenario: str) -> Kept:
        self.stack.callback(kept.clear, self.tools.docker)
        code, printed, _ = kept.run("live", chart, "--keep", "--scenario", scenario, within=LONGEST)
        run = next((run for run in runs.known(kept.folders) if run.kept is not None), None)
        if code or run is None:
            raise SuiteError(f"a run with --keep ended with exit code {code}", details=printed)
        self.found.known += [
            Bystander(name=f"folder of kept run {run.id}", dump=lambda: files(run.folder)),
            Bystander(
                name=f"store of kept run {run.id}",
                dump=lambda: volume(self.tools.docker, runs.store_volume(kept.folders)),
            ),
        ]
        place = Place(docker=self.tools.docker, name=run.cluster, kubeconfig=run.folder / "kubeconfig")
        return Kept(home=kept, run=run, place=place)

    def _small(self, kept: Home) -> None:
        """Create things with the suite's kinds of labels, marks and names, but with other values."""
        docker, name, stack = self.tools.docker, f"else-{self.identity}", self.stack
        image, _ = images.obtain(images.REGISTRY_IMAGE, self.tools, self.progress)
        labels = [
            f"--label={runs.KIND_LABEL}={name}",
            f"--label={runs.RUN_LABEL}={self.identity}",
            f"--label={runs.STATE_LABEL}={self.home}/somebody/osh-conformance",
        ]
        for kind in ("network", "volume"):
            docker.run(kind, "create", *labels, name)
            stack.callback(docker.run, kind, "rm", name, check=False)
        where = [f"--network={name}", f"--volume={name}:/data", "--entrypoint=sleep"]
        stack.callback(docker.run, "rm", "--force", "--volumes", name, check=False)
        docker.run("run", "--detach", "--name", name, *labels, *where, image, "infinity")
        docker.run("exec", name, "sh", "-c", "head -c 3000000 /dev/urandom >/data/blob; ls -l /etc >/data/list")

        def content() -> Dump:
            sums = docker.run("exec", name, "sh", "-c", "cd /data && find . -type f -exec sha256sum {} +").stdout
            return {"content": sums, **volume(docker, name)}

        folders = self._folders(kept)
        sleeper = self._process()
        user = Path.home() / ".kube" / "config"
        self.found.known += [
            Bystander(name=f"container {name}", dump=lambda: container(docker, name)),
            Bystander(name=f"network {name}", dump=lambda: network(docker, name)),
            Bystander(name=f"volume {name}", dump=content),
            Bystander(name="folders beside the suite's", dump=lambda: files(*folders)),
            Bystander(name=f"process {sleeper}", dump=lambda: start_of(sleeper)),
            Bystander(name="kubeconfig of this user", dump=lambda: files(user) if user.exists() else {}),
        ]

    def _folders(self, kept: Home) -> Sequence[Path]:
        """Create folders beside the state and the cache, with names as in them."""
        cache = default_folders().cache
        beside = cache.with_name(f"{cache.name}-{self._name}")
        self.stack.callback(shutil.rmtree, beside, ignore_errors=True)
        folders = [kept.folder / "state" / "somebody", self.home / "state" / "osh-conformance-else", beside]
        for folder in folders:
            for name in ("runs/12345678/owner.lock", "scratch/live-12345678.lock", "work/kind-0/out"):
                file = folder / name
                file.parent.mkdir(parents=True)
                file.write_text(secrets.token_hex(64))
        return folders

    def _process(self) -> int:
        marks = {runs.RUN_MARK: self.identity, scratch.MARK: f"{self.home}/somebody"}
        words = [shutil.which("sleep") or "/bin/sleep", "infinity"]
        sleeper = subprocess.Popen(words, env={**os.environ, **marks}, start_new_session=True)
        self.stack.callback(sleeper.wait)
        self.stack.callback(sleeper.kill)
        return sleeper.pid
