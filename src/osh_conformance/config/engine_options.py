"""The options that the engines get: those of `check`, and those of `live` and `plan`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance.config.levels import NONE, Levels
from osh_conformance.loading.search import PACKAGE_ONLY, DataPath

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.config.pull_secret import PullSecret
    from osh_conformance.model.chart import GivenValues
    from osh_conformance.model.matrix import Flavor
    from osh_conformance.render.workers import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """The options of a static run.

    - paths: charts, archives and trees of charts, as the user wrote them.
    - select, ignore: rule ids and families; `select` empty means all rules.
    - levels: what findings of rules are by the configuration file. Its `exclude` leaves out charts and files.
    - since, shard: check only charts that changed since that git reference, and only that part (`I/N`) of them.
    - values: values files, merged; they override the values of every chart. `given`: the lines of each of them.
    - flavor: its images replace those of each chart.
    - overrides: values overrides to check besides those that lie with a chart, files and folders.
    - convention: a name or a file; None: recognise it.
    - catalog: a file; None: the one beside the chart.
    - renderer: `sdk` or `helm`; None: the first of them that is there. `helm_program`: None: the one on PATH.
    - cache: whether former renderings are used, and new ones kept.
    - limits: seconds and bytes that rendering one chart may take; None: the default ones.
    - deviations: files of expected findings. `write_baseline`: write one that expects all findings of this run.
    - strict: a warning fails.
    - repeated: words of the command line that `reproduce` repeats.
    - data: where flavors, formats, runtimes, conventions and scenarios are found.
    - rule_pages: the address below which each rule has a page; "": outputs name the command `explain`.
    """

    paths: tuple[Path, ...]
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    levels: Levels = NONE
    since: str | None = None
    shard: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    given: tuple[GivenValues, ...] = ()
    flavor: Flavor | None = None
    overrides: tuple[Path, ...] = ()
    convention: str | None = None
    catalog: Path | None = None
    renderer: str | None = None
    helm_program: Path | None = None
    cache: bool = True
    limits: Limits | None = None
    deviations: tuple[Path, ...] = ()
    write_baseline: Path | None = None
    strict: bool = False
    repeated: tuple[str, ...] = ()
    data: DataPath = PACKAGE_ONLY
    rule_pages: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions:
    """The options of a live run, and of its plan.

    - paths, select, ignore, levels, values, given, convention, catalog, renderer, helm_program, deviations, strict,
      repeated, data, rule_pages: as in `CheckOptions`; `select` and `ignore` choose live and matrix rules too.
    - flavors: names; empty means the catalog's choice for each chart. `all` is every flavor that can be had here.
    - flavor_files: flavors of the user.
    - packaging_formats, runtimes: names, or `all`; empty means docker, and the nodes' own runtime.
    - helm_majors: 3, 4 or both.
    - matrix_mode: `full`, `pairwise` or `single`: which combinations of flavor, format, runtime and Helm run.
    - shard: run only that part (`I/N`) of the cells.
    - scenarios: names of scenarios and of groups of them; empty means the group main, `all` every group but
      environment. `faults` adds the group faults.
    - reduced: install of each chart only the Jobs that create and drop its database, and what these use.
    - repeat: how often the steps of each scenario run on one server and in one namespace.
    - image_pull_secret: logins that each chart gets as a pull secret.
    - parallel: cells at a time; None: as many as the machine carries.
    - ready_timeout: seconds to wait for a release to become ready, before the patience with its runtime.
    - kubeconfig: run on this cluster, and make none. `context` names one in it; `allow_cluster` repeats the name of a
      cluster that the suite did not make.
    - node_image: the node image for kind. `recipes`: the folder of build recipes. `keep`: leave the cluster
      running, under this name or, with "", without one; None: remove it.
    - allow_privileged: install charts that request more than a namespace of their own.
    - artifacts: the folder for what was observed, and for the logs of cells that fail.
    """

    paths: tuple[Path, ...]
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    levels: Levels = NONE
    values: Mapping[str, Any] = field(default_factory=dict)
    given: tuple[GivenValues, ...] = ()
    convention: str | None = None
    catalog: Path | None = None
    renderer: str | None = None
    helm_program: Path | None = None
    deviations: tuple[Path, ...] = ()
    strict: bool = False
    repeated: tuple[str, ...] = ()
    flavors: tuple[str, ...] = ()
    flavor_files: tuple[Path, ...] = ()
    packaging_formats: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    helm_majors: tuple[int, ...] = (4,)
    matrix_mode: str = "full"
    shard: str | None = None
    scenarios: tuple[str, ...] = ()
    faults: bool = False
    reduced: bool = False
    repeat: int = 1
    image_pull_secret: PullSecret | None = None
    parallel: int | None = None
    ready_timeout: float = 300.0
    kubeconfig: Path | None = None
    context: str | None = None
    allow_cluster: str | None = None
    node_image: str | None = None
    recipes: Path | None = None
    keep: str | None = None
    allow_privileged: bool = False
    artifacts: Path = Path("artifacts")
    data: DataPath = PACKAGE_ONLY
    rule_pages: str = ""
