"""The options of `check`, `live` and `plan`, each declared once.

`OPTIONS` serves the command line, the configuration file and pytest; `CheckOptions` and `LiveOptions` are what the
engines get. This module imports nothing large: `--help` waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.model.matrix import Flavor
    from osh_conformance.render.workers import Limits


class Kind(Enum):
    """The form of an option's value. A repeatable option gives a tuple, empty where it is not given."""

    #: One text, such as a name.
    TEXT = auto()
    #: Texts: comma separated, repeatable.
    NAMES = auto()
    #: One path.
    FILE = auto()
    #: Paths: repeatable.
    FILES = auto()
    #: False, or True where it is given.
    FLAG = auto()
    #: None, or True or False where `--x` or `--no-x` is given.
    SWITCH = auto()
    #: A number, at least 1.
    COUNT = auto()
    #: Seconds.
    SECONDS = auto()


CHECK, LIVE, PLAN = "check", "live", "plan"
_ALL = (CHECK, LIVE, PLAN)
_CELLS = (LIVE, PLAN)

_RULES, _CHARTS, _RUNS, _CLUSTER, _EXPECTED, OUTPUT = (
    "rules and charts to check",
    "the charts",
    "cells and scenarios to run",
    "the cluster",
    "expected findings",
    "output",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option.

    - name: on the command line without dashes, and as a key of the configuration file. "" for the PATH arguments.
    - field: the field of `CheckOptions` and `LiveOptions`.
    - verbs: the verbs that offer it.
    - in_file: whether the configuration file may set it.
    - repeated: whether `reproduce` repeats it, because it changes what is found.
    - pytest: its name in pytest, "" where pytest does not offer it. Names such as `--ignore` are pytest's own.
    - environment: a variable that sets it where the command line does not.
    """

    name: str
    field: str
    kind: Kind
    group: str
    help: str
    metavar: str = ""
    verbs: tuple[str, ...] = _ALL
    default: Any = None
    choices: tuple[str, ...] = ()
    in_file: bool = False
    repeated: bool = False
    pytest: str = ""
    environment: str = ""

    @property
    def dest(self) -> str:
        """The attribute in which argparse and pytest keep the value."""
        return self.name.replace("-", "_") or self.field


OPTIONS: tuple[Option, ...] = (
    Option(
        name="",
        field="paths",
        kind=Kind.FILES,
        group="",
        metavar="PATH",
        help="a chart directory, a .tgz, or a folder with charts in it",
        pytest="--charts",
    ),
    # -- rules and charts to check -----------------------------------------------------------------------------------
    Option(
        name="select",
        field="select",
        kind=Kind.NAMES,
        group=_RULES,
        metavar="RULE,...",
        help="check only these rules, by id or family (REF-1,KEY); repeatable",
        in_file=True,
        pytest="--conformance-select",
    ),
    Option(
        name="ignore",
        field="ignore",
        kind=Kind.NAMES,
        group=_RULES,
        metavar="RULE,...",
        help="skip these rules, by id or family; repeatable",
        in_file=True,
        pytest="--conformance-ignore",
    ),
    Option(
        name="since",
        field="since",
        kind=Kind.TEXT,
        group=_RULES,
        metavar="REF",
        help="check only charts that changed since this git commit or branch, and charts that depend on them",
        verbs=(CHECK,),
    ),
    Option(
        name="shard",
        field="shard",
        kind=Kind.TEXT,
        group=_RULES,
        metavar="I/N",
        help="check only part I of N; each chart stays in its part",
        verbs=(CHECK,),
    ),
    # -- cells and scenarios to run ----------------------------------------------------------------------------------
    Option(
        name="flavor",
        field="flavors",
        kind=Kind.NAMES,
        group=_RUNS,
        metavar="NAME,...|all",
        help="image flavors to install the charts with",
        verbs=_CELLS,
    ),
    Option(
        name="flavor-file",
        field="flavor_files",
        kind=Kind.FILES,
        group=_RUNS,
        metavar="FILE",
        help="a file that describes your own flavor; repeatable",
        verbs=_CELLS,
    ),
    Option(
        name="format",
        field="packaging_formats",
        kind=Kind.NAMES,
        group=_RUNS,
        metavar="NAME,...|all",
        help="packaging formats of the images (default: docker)",
        verbs=_CELLS,
    ),
    Option(
        name="runtime",
        field="runtimes",
        kind=Kind.NAMES,
        group=_RUNS,
        metavar="NAME,...|all",
        help="container runtimes (default: that of the nodes); `all` skips those that this cluster cannot run",
        verbs=_CELLS,
    ),
    Option(
        name="helm",
        field="helm_majors",
        kind=Kind.NAMES,
        group=_RUNS,
        metavar="3,4",
        help="major versions of Helm (default: 4)",
        verbs=_CELLS,
        default=("4",),
    ),
    Option(
        name="matrix",
        field="matrix_mode",
        kind=Kind.TEXT,
        group=_RUNS,
        metavar="full|pairwise|single",
        help="run every combination (default), each pair of values once, or one change at a time",
        verbs=_CELLS,
        default="full",
    ),
    Option(
        name="shard",
        field="shard",
        kind=Kind.TEXT,
        group=_RUNS,
        metavar="I/N",
        help="run only part I of N; each cell stays in its part",
        verbs=_CELLS,
    ),
    Option(
        name="scenario",
        field="scenarios",
        kind=Kind.NAMES,
        group=_RUNS,
        metavar="NAME,...|GROUP|all",
        help="scenarios, or groups of them: main (default), lifecycle, faults, environment; `all` is the first three",
        verbs=_CELLS,
    ),
    Option(
        name="faults",
        field="faults",
        kind=Kind.FLAG,
        group=_RUNS,
        help="run the group faults too: removals during which something fails",
        verbs=_CELLS,
        default=False,
    ),
    Option(
        name="repeat",
        field="repeat",
        kind=Kind.COUNT,
        group=_RUNS,
        metavar="N",
        help="run the steps of each scenario N times, on one server and in one namespace (group main only)",
        verbs=_CELLS,
        default=1,
    ),
    Option(
        name="parallel",
        field="parallel",
        kind=Kind.COUNT,
        group=_RUNS,
        metavar="N",
        help="cells that run at the same time (default: as many as the memory of this machine allows)",
        verbs=_CELLS,
    ),
    Option(
        name="timeout",
        field="ready_timeout",
        kind=Kind.SECONDS,
        group=_RUNS,
        metavar="SECONDS",
        help="seconds to wait for a release to become ready (default: 300)",
        verbs=_CELLS,
        default=300.0,
    ),
    # -- the charts --------------------------------------------------------------------------------------------------
    Option(
        name="values",
        field="values",
        kind=Kind.FILES,
        group=_CHARTS,
        metavar="FILE",
        help="a values file for every chart; repeatable",
        in_file=True,
        repeated=True,
        pytest="--conformance-values",
    ),
    Option(
        name="overrides",
        field="overrides",
        kind=Kind.FILES,
        group=_CHARTS,
        metavar="DIR|FILE",
        help="values overrides to check that are not in the chart's tree: DIR/<chart>/*.yaml; repeatable",
        verbs=(CHECK,),
        repeated=True,
    ),
    Option(
        name="config",
        field="",
        kind=Kind.FILE,
        group=_CHARTS,
        metavar="FILE",
        help="the configuration file (default: the nearest osh-conformance.toml at or above PATH)",
        repeated=True,
        pytest="--conformance-config",
    ),
    Option(
        name="convention",
        field="convention",
        kind=Kind.TEXT,
        group=_CHARTS,
        metavar="NAME|FILE",
        help="the layout of the charts' values (default: recognised from the values)",
        in_file=True,
        repeated=True,
        pytest="--conformance-convention",
    ),
    Option(
        name="catalog",
        field="catalog",
        kind=Kind.FILE,
        group=_CHARTS,
        metavar="FILE",
        help="a file that lists what each chart needs (default: catalog.yaml beside the chart)",
        in_file=True,
        repeated=True,
        pytest="--conformance-catalog",
    ),
    Option(
        name="renderer",
        field="renderer",
        kind=Kind.TEXT,
        group=_CHARTS,
        help="the program that renders charts (default: sdk if helm-python-sdk is installed, else helm)",
        choices=("sdk", "helm"),
        in_file=True,
        repeated=True,
        pytest="--conformance-renderer",
    ),
    Option(
        name="flavor",
        field="flavor",
        kind=Kind.TEXT,
        group=_CHARTS,
        metavar="NAME",
        help="check the charts with the images of this flavor",
        verbs=(CHECK,),
        repeated=True,
    ),
    Option(
        name="flavor-file",
        field="flavor",
        kind=Kind.FILE,
        group=_CHARTS,
        metavar="FILE",
        help="check the charts with the images of a flavor that this file describes",
        verbs=(CHECK,),
        repeated=True,
    ),
    Option(
        name="helm-program",
        field="helm_program",
        kind=Kind.FILE,
        group=_CHARTS,
        metavar="FILE",
        help="the helm program that renders (default: $OSH_CONFORMANCE_HELM, else the one on PATH)",
        environment="OSH_CONFORMANCE_HELM",
    ),
    Option(
        name="no-cache",
        field="cache",
        kind=Kind.FLAG,
        group=_CHARTS,
        help="render every chart again, and store nothing",
        verbs=(CHECK,),
        default=False,
    ),
    # -- the cluster -------------------------------------------------------------------------------------------------
    Option(
        name="node-image",
        field="node_image",
        kind=Kind.TEXT,
        group=_CLUSTER,
        metavar="REF",
        help="the node image for kind (default: the one that `setup` chose)",
        verbs=_CELLS,
        repeated=True,
    ),
    Option(
        name="keep",
        field="keep",
        kind=Kind.FLAG,
        group=_CLUSTER,
        help="leave the cluster running; the next run uses it again",
        verbs=_CELLS,
        default=False,
    ),
    Option(
        name="kubeconfig",
        field="kubeconfig",
        kind=Kind.FILE,
        group=_CLUSTER,
        metavar="FILE",
        help="run on the cluster of this file, and create none",
        verbs=_CELLS,
        repeated=True,
    ),
    Option(
        name="context",
        field="context",
        kind=Kind.TEXT,
        group=_CLUSTER,
        metavar="NAME",
        help="the context in the kubeconfig (default: its current one)",
        verbs=_CELLS,
        repeated=True,
    ),
    Option(
        name="allow-cluster",
        field="allow_cluster",
        kind=Kind.TEXT,
        group=_CLUSTER,
        metavar="NAME",
        help="the cluster's name, repeated: required for a cluster that this suite did not create",
        verbs=_CELLS,
        repeated=True,
    ),
    Option(
        name="allow-privileged",
        field="allow_privileged",
        kind=Kind.FLAG,
        group=_CLUSTER,
        help="install charts that request privileged pods, access to the node, or objects outside of their namespace",
        verbs=_CELLS,
        default=False,
        pytest="--allow-privileged",
    ),
    Option(
        name="recipes",
        field="recipes",
        kind=Kind.FILE,
        group=_CLUSTER,
        metavar="DIR",
        help="the folder with build recipes (default: ci/ of this checkout)",
        verbs=_CELLS,
    ),
    # -- expected findings -------------------------------------------------------------------------------------------
    Option(
        name="deviations",
        field="deviations",
        kind=Kind.FILES,
        group=_EXPECTED,
        metavar="FILE",
        help="a file that lists expected findings, each with its reason; repeatable",
        verbs=(CHECK, LIVE),
        in_file=True,
        pytest="--deviations",
    ),
    Option(
        name="write-baseline",
        field="write_baseline",
        kind=Kind.FILE,
        group=_EXPECTED,
        metavar="FILE",
        help="write a file for --deviations that expects every finding of this run; an old file keeps its reasons",
        verbs=(CHECK,),
    ),
    # -- output ------------------------------------------------------------------------------------------------------
    Option(
        name="strict",
        field="strict",
        kind=Kind.SWITCH,
        group=OUTPUT,
        help="treat warnings as failures",
        verbs=(CHECK, LIVE),
        in_file=True,
        repeated=True,
        pytest="--conformance-strict",
    ),
    Option(
        name="artifacts",
        field="artifacts",
        kind=Kind.FILE,
        group=OUTPUT,
        metavar="DIR",
        help="the folder for logs of cells that fail (default: artifacts)",
        verbs=(LIVE,),
        default=Path("artifacts"),
    ),
)


def options_of(verb: str) -> tuple[Option, ...]:
    """Return the options that a verb offers, in the order of its help."""
    return tuple(option for option in OPTIONS if verb in option.verbs)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """The options of a static run.

    - paths: charts, archives and trees of charts, as the user wrote them.
    - select, ignore: rule ids and families; `select` empty means all rules.
    - since, shard: check only charts that changed since that git reference, and only that part (`I/N`) of them.
    - values: values files, merged; they override the values of every chart.
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
    """

    paths: tuple[Path, ...]
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    since: str | None = None
    shard: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOptions:
    """The options of a live run, and of its plan.

    - paths, select, ignore, values, convention, catalog, renderer, helm_program, deviations, strict, repeated: as in
      `CheckOptions`; `select` and `ignore` choose live and matrix rules too.
    - flavors: names; empty means the catalog's choice for each chart. `all` is every flavor that can be had here.
    - flavor_files: flavors of the user.
    - packaging_formats, runtimes: names, or `all`; empty means docker, and the nodes' own runtime.
    - helm_majors: 3, 4 or both.
    - matrix_mode: `full`, `pairwise` or `single`: which combinations of flavor, format, runtime and Helm run.
    - shard: run only that part (`I/N`) of the cells.
    - scenarios: names of scenarios and of groups of them; empty means the group main, `all` every group but
      environment. `faults` adds the group faults.
    - repeat: how often the steps of each scenario run on one server and in one namespace.
    - parallel: cells at a time; None: as many as the machine carries.
    - ready_timeout: seconds to wait for a release to become ready.
    - kubeconfig: run on this cluster, and make none. `context` names one in it; `allow_cluster` repeats the name of a
      cluster that the suite did not make.
    - node_image: the node image for kind. `recipes`: the folder of build recipes. `keep`: leave the cluster running.
    - allow_privileged: install charts that request more than a namespace of their own.
    - artifacts: the folder for logs of cells that fail.
    """

    paths: tuple[Path, ...]
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
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
    repeat: int = 1
    parallel: int | None = None
    ready_timeout: float = 300.0
    kubeconfig: Path | None = None
    context: str | None = None
    allow_cluster: str | None = None
    node_image: str | None = None
    recipes: Path | None = None
    keep: bool = False
    allow_privileged: bool = False
    artifacts: Path = Path("artifacts")
