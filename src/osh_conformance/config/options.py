"""The options of a run, as records."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance.charts.values import merged
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading.files import read_text
from osh_conformance.loading.search import PACKAGE_ONLY, DataPath
from osh_conformance.loading.yaml import read_values
from osh_conformance.model.matrix import FULL, Flavor
from osh_conformance.render.workers import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """What a static run is asked for. `rules` empty means all; `values` override those of every chart.

    `flavor` puts its images in place of each chart's own; `overrides` are files and folders to judge besides those
    that lie with a chart. Without `cache` nothing that was rendered before is used, or kept. `limits` are what
    rendering one chart may take. `options` are the command line's, as `reproduce` must repeat them.
    """

    paths: tuple[Path, ...]
    rules: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False
    renderer: str | None = None
    helm: Path | None = None
    convention: str | None = None
    catalog: Path | None = None
    flavor: Flavor | None = None
    overrides: tuple[Path, ...] = ()
    cache: bool = True
    limits: Limits = field(default_factory=Limits)
    #: Where flavors and conventions are found.
    data: DataPath = PACKAGE_ONLY
    options: tuple[str, ...] = ()


def read_overrides(files: Iterable[Path]) -> dict[str, Any]:
    """Merge values files from left to right; raises `UsageError` for one that cannot be read."""
    layers = []
    for file in files:
        try:
            layers.append(read_values(read_text(file), str(file)).content)
        except SuiteError as error:
            raise UsageError(error.message, expected=error.expected) from error
    return merged(*layers)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions:
    """What a live run is asked for.

    `flavors` empty means the catalogue's choice for each chart, `runtimes` empty the nodes' own, `formats` empty the
    default, `scenarios` empty those of the main table; names may be those of tables, and `all` is every value of an
    axis that can be had here, and every table but `environment`. `faults` adds the table of faults. The steps of each
    scenario are gone through `repeat` times. `strategy` says which combinations are taken, `shard` which part of the
    cells (`I/N`). With `kubeconfig` the run is on that cluster, and none is made. `settle` are the seconds that a
    release has to get ready; with `strict` a warning fails. With `allow_privileged` charts are installed that ask for
    more than a namespace of their own. `options` are the words of the command line that a run of one pair needs too.
    `parallel` None is as many cells at a time as the machine carries.
    """

    paths: tuple[Path, ...]
    flavors: tuple[str, ...] = ()
    flavor_files: tuple[Path, ...] = ()
    formats: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    majors: tuple[int, ...] = (4,)
    strategy: str = FULL
    shard: str | None = None
    scenarios: tuple[str, ...] = ()
    faults: bool = False
    repeat: int = 1
    values: Mapping[str, Any] = field(default_factory=dict)
    convention: str | None = None
    catalog: Path | None = None
    renderer: str | None = None
    helm: Path | None = None
    kubeconfig: Path | None = None
    context: str | None = None
    allow_cluster: str | None = None
    node_image: str | None = None
    recipes: Path | None = None
    keep: bool = False
    settle: float = 300.0
    strict: bool = False
    allow_privileged: bool = False
    options: tuple[str, ...] = ()
    parallel: int | None = None
    artifacts: Path = Path("artifacts")
    #: Where flavors, formats, runtimes, conventions and scenarios are found.
    data: DataPath = PACKAGE_ONLY
