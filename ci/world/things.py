"""What a row needs to be there: each thing is made once in a world, by commands that a user would give."""

from __future__ import annotations

import re
import shutil
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ci.world import daemons, layout
from ci.world.session import CHECKOUT, copy_checkout, give
from ci.world.user import PlainUser
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ci.world.session import Session
    from osh_conformance.progress import Progress

_LONG = 1200.0
#: Where anybody may pull a Keystone from, in the world. Its tag is never moved.
PUBLISHED = "quay.io/acme/keystone:28.0.0"
#: The folder of the plain user's own charts; `HOST` is where their images are.
CHARTS = "charts"
_OWN_IMAGE = re.compile(r"osh-conformance\.invalid/[\w./-]+:[\w.-]+")
_REGISTRIES = {
    "published": PUBLISHED,
    "hub-login": "docker.io/acme/keystone:28.0.0",
    "basic": "registry.corp.test/acme/keystone:28.0.0",
    "third-host": "registry.team.test/acme/keystone:28.0.0",
}
#: Nodes of a user's cluster do not trust the world's authority; a company's user would add it in this way.
_KIND = """kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
  extraMounts:
  - {hostPath: /etc/ssl/certs/ca-certificates.crt, containerPath: /etc/ssl/certs/ca-certificates.crt, readOnly: true}
"""


@dataclass(slots=True, kw_only=True)
class Things:
    """The things of one world."""

    session: Session
    progress: Progress
    _made: set[str] = field(default_factory=set)

    def provide(self, name: str) -> None:
        """Make a thing unless it is there; raises `SuiteError` with the output of what failed."""
        if name in self._made:
            return
        make = MAKERS[name]
        for need in _NEEDS.get(name, ()):
            self.provide(need)
        with self.progress.step(f"world: {name}"):
            make(self)
        if name != "nothing":
            self._made.add(name)

    def release(self, needs: Collection[str]) -> None:
        """Delete the cluster unless a row needs it: it takes time from others, and ends with its Docker."""
        if "cluster" in self._made and "cluster" not in needs:
            self._run("kind delete cluster --name plain --kubeconfig ~/plain.kubeconfig")
            self.lose("cluster")

    def lose(self, *names: str) -> None:
        """Forget things that a row took away."""
        self._made -= set(names)

    def _run(self, script: str, folder: str = "") -> None:
        outcome = PlainUser(world=self.session.world).run(script, folder=folder, deadline=_LONG)
        if not outcome.ok:
            details = (outcome.stdout + outcome.stderr)[-4000:]
            raise SuiteError(f"the world could not be prepared: {script}", details=details)

    def nothing(self) -> None:
        """Remove all images, and all that the suite keeps."""
        # A package makes folders that its owner may not write to.
        self._run(
            f"chmod -R u+w .cache/osh-conformance 2>/dev/null; rm -rf .cache/osh-conformance .local/state {CHECKOUT}"
        )
        daemons.as_root(
            self.session.world, "docker", "system", "prune", "--all", "--force", "--volumes", deadline=_LONG
        )
        self.lose("images", "checkout")

    def checkout(self) -> None:
        """Copy this checkout, as a clone."""
        copy_checkout(self.session.world)

    def package(self) -> None:
        """Install the wheel of this checkout into ~/venv."""
        constraint = f"--constraint {layout.HOME / CHECKOUT / 'requirements-dev.txt'}"
        self._run(f"rm -rf venv wheel && python3 -m venv venv && venv/bin/pip wheel -q --no-deps -w wheel ./{CHECKOUT}")
        self._run(f'venv/bin/pip install --quiet {constraint} "$(ls wheel/*.whl)[live,render]"')

    def chart(self) -> None:
        """Write own charts: a copy of the reference chart for each place where a user may have images."""
        home = self.session.world.home
        for name, reference in _REGISTRIES.items():
            target = home / CHARTS / name / "keystone"
            shutil.rmtree(target.parent, ignore_errors=True)
            # Links are followed: the chart is to stand alone.
            shutil.copytree(layout.ROOT / "charts-under-test" / "keystone", target)
            values = target / "values.yaml"
            values.write_text(_OWN_IMAGE.sub(reference, values.read_text()))
            with tarfile.open(target.with_suffix(".tgz"), "w:gz") as packed:
                packed.add(target, arcname=target.name)
        give(home / CHARTS)

    def images(self) -> None:
        """Run a set-up, so that Docker has the images of a run."""
        self._run(f"{layout.HOME}/venv/bin/osh-conformance setup --flavor distribution,loci", folder=CHECKOUT)

    def cluster(self) -> None:
        """Make a plain kind cluster."""
        (self.session.world.home / "kind.yaml").write_text(_KIND)
        give(self.session.world.home / "kind.yaml")
        self._run("kind create cluster --name plain --config kind.yaml --kubeconfig ~/plain.kubeconfig")


_NEEDS: Mapping[str, tuple[str, ...]] = {"package": ("checkout",), "images": ("package",)}
#: How each thing is made.
MAKERS: Mapping[str, Callable[[Things], None]] = {
    "nothing": Things.nothing,
    "checkout": Things.checkout,
    "package": Things.package,
    "chart": Things.chart,
    "images": Things.images,
    "cluster": Things.cluster,
}
