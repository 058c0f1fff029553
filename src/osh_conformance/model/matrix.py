"""The axes of the live matrix; each value of an axis is a data file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

#: The matrix that takes every combination of values.
FULL = "full"


class Tier(StrEnum):
    """What an image promises to a chart's scripts (`data/contract.yaml`), and what a family of charts asks for."""

    CORE = "core"
    MINIMAL = "minimal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavor:
    """Images that are built one way: a file of `data/flavors/`.

    `images` holds a reference by image key or standard function, `services` one by chart for all of its other keys.
    `values` are what a chart must be told to run on them. Without any reference it is the chart's own (`shipped`).
    `tier` is what its job images hold. `release` names the release of the services in it: two flavors of one release
    make the same tables.
    """

    name: str
    summary: str
    images: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    tier: Tier = Tier.CORE
    release: str = ""

    @property
    def shipped(self) -> bool:
        """Whether it stands for the chart's own references."""
        return not self.images and not self.services


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagingFormat:
    """How an image is stored in a registry: a file of `data/formats/`.

    `manifest` is `docker` (schema 2) or `oci`, `layers` `gzip` or `zstd`. With `index` the reference names an index
    that lists the manifest, with `by_digest` the chart is given the digest beside the tag. `suffix` ends the tag, so
    that one image can be served in several formats at once.
    """

    name: str
    summary: str
    manifest: str
    layers: str = "gzip"
    index: bool = False
    by_digest: bool = False
    suffix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRuntime:
    """A CRI implementation and an OCI runtime: a file of `data/runtimes/`.

    `cri` is how nodes name the first (`containerd`), `handler` the CRI's name of the second; empty means the node's
    own. `recipe` builds the handler's program where the node image has none. `state` are names of files that this OCI
    runtime keeps of each container: another one that keeps all of these keeps more. `needs` says what a cluster must
    have that the suite cannot make.
    """

    name: str
    summary: str
    cri: str
    handler: str = ""
    recipe: str = ""
    state: tuple[str, ...] = ()
    needs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisValues:
    """One value of each axis of the matrix. The runtime None is the default of the nodes."""

    flavor: Flavor
    packaging_format: PackagingFormat
    runtime: ContainerRuntime | None
    helm_major: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One (chart, flavor, format, runtime, Helm major) of the live matrix.

    `format` and `runtime` are names of data files; the runtime `default` is the node's own, whatever it is.
    """

    chart: str
    path: str
    flavor: str
    format: str = "docker"
    runtime: str = "default"
    helm: int = 4

    @property
    def id(self) -> str:
        """The cell as test ids and reports name it."""
        return f"{self.chart}-{self.flavor}-{self.format}-{self.runtime}-helm{self.helm}"
