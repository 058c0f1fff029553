"""The axes of the live matrix; each value of an axis is a data file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

from osh_conformance.errors import UsageError
from osh_conformance.model.field_values import one_of, shaped, within

#: The matrix mode with every combination of values.
FULL = "full"
#: The OCI runtime that a node of kind uses for pods without a RuntimeClass.
NODE_DEFAULT = "runc"


class Tier(StrEnum):
    """The programs and modules that an image offers to a chart's scripts (`data/contract.yaml`)."""

    CORE = "core"
    MINIMAL = "minimal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavor:
    """Images that are built in one way: a file of `flavors/`. Without images it uses the chart's own references."""

    name: str
    """The flavor's name. The file has the same name."""
    summary: str
    """What the images have in common, in one line."""
    images: Mapping[str, str] = field(default_factory=dict)
    """The references, by image key or by the standard key whose task an image key performs. In a layout of image maps a
    key is the path of its map (`api.image`)."""
    services: Mapping[str, str] = field(default_factory=dict)
    """One reference for each chart, for all of its other image keys."""
    rest: str = ""
    """The reference for each further image key of any chart."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Values that a chart needs to run on these images."""
    tier: Tier = Tier.CORE
    """The programs and modules in the images of Jobs: `core`, or `minimal` (/bin/sh, python3 and PyMySQL)."""
    release: str = ""
    """The OpenStack release of its services. Two flavors with the same release create the same tables."""

    @property
    def shipped(self) -> bool:
        """Whether it uses the chart's own references."""
        return not self.images and not self.services and not self.rest

    def is_stub(self, reference: str) -> bool:
        """Whether a reference is that of the rest, and of nothing else."""
        return reference == self.rest and reference not in {*self.images.values(), *self.services.values()}

    def references(
        self,
        chart: str,
        keys: Mapping[str, str],
        used: Callable[[], Collection[str]] | None = None,
        jobs: Collection[str] = (),
    ) -> dict[str, str]:
        """Return the reference for each image key of a chart, empty for a flavor without images (`shipped`).

        `keys` maps each image key to the standard key whose task it performs, or "". `used` returns the keys that
        containers use; it is called only if the flavor has no reference for a key, and None means all of them. `jobs`
        are the keys that Jobs which create or drop a database use: their image is that of `db_init` or `db_drop`, and
        never that of the rest. Raises `UsageError` if the flavor has no reference for a key that is used.
        """
        if self.shipped:
            return {}
        found = {
            key: self._own(chart, key, function) or (self._of_jobs(function) if key in jobs else self.rest)
            for key, function in keys.items()
        }
        missing = [key for key, reference in found.items() if not reference]
        if missing and used:
            needed = used()
            missing = [key for key in missing if key in needed]
        if missing:
            raise UsageError(
                f"the flavor {self.name} has no image for {', '.join(missing)} of chart {chart}",
                expected=f"an entry below `services` for {chart}, or one below `images` for each key",
                fix="describe your images in your own file, and name it with --flavor-file",
            )
        return {key: reference for key, reference in found.items() if reference}

    def _own(self, chart: str, key: str, function: str) -> str:
        return self.images.get(key) or self.images.get(function) or self.services.get(chart) or ""

    def _of_jobs(self, function: str) -> str:
        """Return the image for a further key of the Jobs of a database: no dependency of theirs is waited for by it."""
        return "" if function == "dep_check" else self.images.get("db_init") or self.images.get("db_drop") or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagingFormat:
    """How a registry stores an image: a file of `formats/`."""

    name: str
    """The format's name. The file has the same name."""
    summary: str
    """The format in one line."""
    manifest: Annotated[str, one_of("docker", "oci")]
    """The type of the image manifest: `docker` (version 2 schema 2) or `oci`."""
    layers: Annotated[str, one_of("gzip", "zstd")] = "gzip"
    """The compression of the layers: `gzip` or `zstd`."""
    index: bool = False
    """The reference points to an index, which lists the manifest."""
    by_digest: bool = False
    """The chart's references have the digest as well as the tag."""
    suffix: str = ""
    """A suffix of the tag, so that a registry can serve one image in several formats."""


#: A path of a runtime's file. Its folder is searched, so it has no pattern, and no option can be made of it.
StatePath = Annotated[
    str,
    shaped(
        r"(/[^/*{}]+)+/[^/{}]*\{container\}[^/{}]*(/[^/{}]+)?",
        "folders without `*`, a name with `{container}`, and at most one name below it, such as "
        "`/run/containerd/runc/k8s.io/{container}/state.json`",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeLimit:
    """A privilege that a container runtime cannot give to a pod. A chart whose pods request it does not apply there."""

    privilege: Annotated[str, one_of("hostNetwork", "hostPID", "hostIPC", "privileged")]
    """The privilege, by the field of the pod or container that requests it."""
    reason: str
    """Why the runtime cannot give it, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRuntime:
    """A CRI implementation and an OCI runtime: a file of `runtimes/`."""

    name: str
    """The runtime's name. The file has the same name."""
    summary: str
    """The runtime in one line."""
    cri: str
    """The CRI implementation in the nodes' `containerRuntimeVersion`, such as `containerd`."""
    handler: str = ""
    """The CRI's handler for the OCI runtime; by default the node's default."""
    owner_handlers: tuple[str, ...] = ()
    """The handlers of the RuntimeClasses by which the owner of a cluster gives it to pods, `*` being any text. Every
    pod of a cell must have one of them: nothing else that the API server knows shows that it ran the pod."""
    recipe: str = ""
    """The recipe that builds the OCI runtime's programs if the node image lacks them. Each node gets all of its files
    that are programs."""
    version: tuple[str, ...] = ()
    """The command that prints the OCI runtime's version in a node, as a list of arguments."""
    check: tuple[str, ...] = ()
    """The command that succeeds in a node if the OCI runtime can run a container there, as a list of arguments."""
    state: tuple[StatePath, ...] = ()
    """The files that the OCI runtime keeps in a node for each container: paths with `{container}` in place of the
    container's id, below folders that are named in full, and `*` for any text without a slash from there on. If the
    files of two runtimes are all present, the runtime with more files ran the container."""
    limits: tuple[RuntimeLimit, ...] = ()
    """The privileges that it cannot give to a pod."""
    differs: tuple[str, ...] = ()
    """What a container sees or does differently there, a sentence each. No rule takes it for a finding."""
    patience: Annotated[float, within(1, 100)] = 1.0
    """The factor for the time that a release gets to become ready, and for every other wait for its containers: they
    start more slowly there."""
    needs: str = ""
    """A requirement of the cluster that the suite cannot provide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisValues:
    """One value of each axis of the matrix. The runtime None is the nodes' default."""

    flavor: Flavor
    packaging_format: PackagingFormat
    runtime: ContainerRuntime | None
    helm_major: int

    @property
    def patience(self) -> float:
        """The factor for waits that depend on how fast containers start; 1 for the nodes' default."""
        return self.runtime.patience if self.runtime else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One (chart, flavor, packaging format, runtime, Helm major) of the live matrix.

    - chart: the chart's name.
    - path: the chart's path, as the user wrote it.
    - flavor, packaging_format, runtime: names of data files. The runtime `default` is the node's default runtime.
    - helm_major: 3 or 4.
    """

    chart: str
    path: str
    flavor: str
    packaging_format: str = "docker"
    runtime: str = "default"
    helm_major: int = 4

    @property
    def id(self) -> str:
        """The cell's id in test ids and reports."""
        return f"{self.chart}-{self.flavor}-{self.packaging_format}-{self.runtime}-helm{self.helm_major}"
