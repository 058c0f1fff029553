"""The options of `check`, `live` and `plan`, each declared once.

`OPTIONS` serves the command line, the configuration file and pytest. `config/resolve.py` makes the records of
`config/engine_options.py` from their values. This module imports nothing large: `--help` waits for it.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any


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
    #: Patterns of paths: repeatable.
    PATTERNS = auto()
    #: False, or True where it is given.
    FLAG = auto()
    #: None, or True or False where `--x` or `--no-x` is given.
    SWITCH = auto()
    #: None, "" where it is given alone, or one text: `--x`, `--x=TEXT`, and `--x TEXT` where TEXT is no file or folder.
    OPTIONAL = auto()
    #: A number, at least 1.
    COUNT = auto()
    #: Seconds.
    SECONDS = auto()


CHECK, LIVE, PLAN = "check", "live", "plan"
_ALL = (CHECK, LIVE, PLAN)
_CELLS, _CHECK, _LIVE, _CHECKS = (LIVE, PLAN), (CHECK,), (LIVE,), (CHECK, LIVE)

_RULES, _CHARTS, _RUNS, _CLUSTER, _EXPECTED, _REPAIRS, OUTPUT = (
    "rules and charts to check",
    "the charts",
    "cells and scenarios to run",
    "the cluster",
    "expected findings",
    "repairs",
    "output",
)


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    - name: on the command line without dashes, and as a key of the configuration file. "" for the PATH arguments.
    - group: its heading in `--help`.
    - field: the field of `CheckOptions` and `LiveOptions`, None where it has the option's name, "" without one.
    - metavar: None for a file means FILE.
    - verbs: the verbs that offer it.
    - in_file: whether the configuration file may set it.
    - repeated: whether `reproduce` repeats it, because it changes what is found.
    - pytest: its name in pytest, "" where pytest does not offer it. Names such as `--ignore` are pytest's own.
    - alias: another name on the command line, a letter for a short one, "" without one.
    - environment: a variable that sets it where the command line does not.
    """

    name: str
    kind: Kind
    group: str
    help: str
    _: KW_ONLY
    field: str | None = None
    metavar: str | None = None
    verbs: tuple[str, ...] = _ALL
    default: Any = None
    choices: tuple[str, ...] = ()
    in_file: bool = False
    repeated: bool = False
    pytest: str = ""
    alias: str = ""
    environment: str = ""

    @property
    def target(self) -> str:
        """The field of the records, "" without one."""
        return self.dest if self.field is None else self.field

    @property
    def placeholder(self) -> str | None:
        """The placeholder of the value in `--help`."""
        return "FILE" if self.metavar is None and self.kind in (Kind.FILE, Kind.FILES) else self.metavar

    @property
    def dest(self) -> str:
        """The attribute in which argparse and pytest keep the value."""
        return self.name.replace("-", "_") or str(self.field)


OPTIONS: tuple[Option, ...] = (
    Option(
        "",
        Kind.FILES,
        "",
        "a chart (its folder, a .tgz or a file of it) or a folder with charts; without PATH, the charts of --catalog",
        field="paths",
        metavar="PATH",
        pytest="--charts",
    ),
    # -- rules and charts to check -------------------------------------------------------------------------------------
    Option(
        "select",
        Kind.NAMES,
        _RULES,
        "check only these rules, by id or family (REF-1,KEY); repeatable",
        metavar="RULE,...",
        in_file=True,
        pytest="--conformance-select",
        alias="rule",
    ),
    Option(
        "extend-select",
        Kind.NAMES,
        _RULES,
        "check these rules too, which the configuration file does not select or ignores; repeatable",
        field="",
        metavar="RULE,...",
        pytest="--conformance-extend-select",
    ),
    Option(
        "ignore",
        Kind.NAMES,
        _RULES,
        "skip these rules, by id or family; repeatable",
        metavar="RULE,...",
        in_file=True,
        pytest="--conformance-ignore",
    ),
    Option(
        "exclude",
        Kind.PATTERNS,
        _RULES,
        "leave out charts in these paths, and findings in these files (vendor, '**/old-*'); repeatable",
        metavar="PATTERN",
        in_file=True,
        repeated=True,
        pytest="--conformance-exclude",
    ),
    Option(
        "since",
        Kind.TEXT,
        _RULES,
        "check only charts that changed since this git commit or branch, and charts that depend on them",
        metavar="REF",
        verbs=_CHECK,
        pytest="--conformance-since",
    ),
    Option(
        "shard",
        Kind.TEXT,
        _RULES,
        "check only part I of N; each chart stays in its part",
        metavar="I/N",
        verbs=_CHECK,
        pytest="--conformance-shard",
    ),
    # -- cells and scenarios to run ------------------------------------------------------------------------------------
    Option(
        "flavor",
        Kind.NAMES,
        _RUNS,
        "image flavors to install the charts with",
        field="flavors",
        metavar="NAME,...|all",
        verbs=_CELLS,
        in_file=True,
    ),
    Option(
        "flavor-file",
        Kind.FILES,
        _RUNS,
        "a file that describes your own flavor; repeatable",
        field="flavor_files",
        verbs=_CELLS,
        in_file=True,
    ),
    Option(
        "format",
        Kind.NAMES,
        _RUNS,
        "packaging formats of the images (default: docker)",
        field="packaging_formats",
        metavar="NAME,...|all",
        verbs=_CELLS,
    ),
    Option(
        "runtime",
        Kind.NAMES,
        _RUNS,
        "container runtimes (default: that of the nodes); `all` skips those that this cluster cannot run",
        field="runtimes",
        metavar="NAME,...|all",
        verbs=_CELLS,
    ),
    Option(
        "helm",
        Kind.NAMES,
        _RUNS,
        "major versions of Helm (default: 4)",
        field="helm_majors",
        metavar="3,4",
        verbs=_CELLS,
        default=("4",),
    ),
    Option(
        "matrix",
        Kind.TEXT,
        _RUNS,
        "run every combination (default), each pair of values once, or one change at a time",
        field="matrix_mode",
        metavar="full|pairwise|single",
        verbs=_CELLS,
        default="full",
    ),
    Option("shard", Kind.TEXT, _RUNS, "run only part I of N; each cell stays in its part", metavar="I/N", verbs=_CELLS),
    Option(
        "scenario",
        Kind.NAMES,
        _RUNS,
        "scenarios, or groups of them: main (default), lifecycle, faults, environment; `all` is the first three",
        field="scenarios",
        metavar="NAME,...|GROUP|all",
        verbs=_CELLS,
    ),
    Option(
        "reduced",
        Kind.FLAG,
        _RUNS,
        "install of each chart only the Jobs that create and drop its database, and what these use (flavor: client)",
        verbs=_CELLS,
    ),
    Option("faults", Kind.FLAG, _RUNS, "run the group faults too: removals during which something fails", verbs=_CELLS),
    Option(
        "repeat",
        Kind.COUNT,
        _RUNS,
        "run the steps of each scenario N times, on one server and in one namespace (group main only)",
        metavar="N",
        verbs=_CELLS,
        default=1,
    ),
    Option(
        "parallel",
        Kind.COUNT,
        _RUNS,
        "cells that run at the same time (default: as many as the memory of this machine allows)",
        metavar="N",
        verbs=_CELLS,
    ),
    Option(
        "timeout",
        Kind.SECONDS,
        _RUNS,
        "seconds to wait for a release to become ready, times the patience of its runtime (default: 300)",
        field="ready_timeout",
        metavar="SECONDS",
        verbs=_CELLS,
        default=300.0,
    ),
    # -- the charts ----------------------------------------------------------------------------------------------------
    Option(
        "values",
        Kind.FILES,
        _CHARTS,
        "a values file for every chart; repeatable",
        in_file=True,
        repeated=True,
        pytest="--conformance-values",
    ),
    Option(
        "overrides",
        Kind.FILES,
        _CHARTS,
        "values overrides to check that are not in the chart's tree: DIR/<chart>/*.yaml; repeatable",
        metavar="DIR|FILE",
        verbs=_CHECK,
        in_file=True,
        repeated=True,
        pytest="--conformance-overrides",
    ),
    Option(
        "config",
        Kind.FILE,
        _CHARTS,
        "the configuration file (default: the nearest osh-conformance.toml at or above PATH)",
        field="",
        repeated=True,
        pytest="--conformance-config",
    ),
    Option(
        "data",
        Kind.FILES,
        _CHARTS,
        "a folder with your own flavors, formats, runtimes, conventions and scenarios; repeatable",
        field="",
        metavar="DIR",
        in_file=True,
        repeated=True,
        pytest="--conformance-data",
    ),
    Option(
        "convention",
        Kind.TEXT,
        _CHARTS,
        "the layout of the charts' values (default: recognised from the values)",
        metavar="NAME|FILE",
        in_file=True,
        repeated=True,
        pytest="--conformance-convention",
    ),
    Option(
        "catalog",
        Kind.FILE,
        _CHARTS,
        "a file that lists charts, and what each of them needs (default: catalog.yaml beside the chart)",
        in_file=True,
        repeated=True,
        pytest="--conformance-catalog",
    ),
    Option(
        "image-pull-secret",
        Kind.FILE,
        _CHARTS,
        "a Docker configuration file: each chart gets its logins as a pull secret, where its convention has a place",
        verbs=_CELLS,
        in_file=True,
        repeated=True,
    ),
    Option(
        "renderer",
        Kind.TEXT,
        _CHARTS,
        "the program that renders charts (default: sdk if helm-python-sdk is installed, else helm)",
        choices=("sdk", "helm"),
        in_file=True,
        repeated=True,
        pytest="--conformance-renderer",
    ),
    Option(
        "flavor",
        Kind.TEXT,
        _CHARTS,
        "check the charts with the images of this flavor",
        metavar="NAME",
        verbs=_CHECK,
        in_file=True,
        repeated=True,
        pytest="--conformance-flavor",
    ),
    Option(
        "flavor-file",
        Kind.FILE,
        _CHARTS,
        "check the charts with the images of a flavor that this file describes",
        field="flavor",
        verbs=_CHECK,
        in_file=True,
        repeated=True,
        pytest="--conformance-flavor-file",
    ),
    Option(
        "helm-program",
        Kind.FILE,
        _CHARTS,
        "render with this helm program (--renderer helm takes $OSH_CONFORMANCE_HELM, else the one on PATH)",
        repeated=True,
        pytest="--conformance-helm-program",
        environment="OSH_CONFORMANCE_HELM",
    ),
    Option(
        "no-cache",
        Kind.FLAG,
        _CHARTS,
        "render every chart again, and store nothing",
        field="cache",
        verbs=_CHECK,
        pytest="--conformance-no-cache",
    ),
    # -- the cluster ---------------------------------------------------------------------------------------------------
    Option(
        "node-image",
        Kind.TEXT,
        _CLUSTER,
        "the node image for kind (default: the one that `setup` chose)",
        metavar="REF",
        verbs=_CELLS,
        repeated=True,
    ),
    Option(
        "keep",
        Kind.OPTIONAL,
        _CLUSTER,
        "leave the cluster running; the next run uses it again. With --keep=NAME, only a run with this name uses it "
        "(--keep NAME says the same if no file or folder here is called NAME); `gc --kept NAME` removes it",
        metavar="NAME",
        verbs=_CELLS,
    ),
    Option(
        "kubeconfig",
        Kind.FILE,
        _CLUSTER,
        "run on the cluster of this file, and create none",
        verbs=_CELLS,
        repeated=True,
    ),
    Option(
        "context",
        Kind.TEXT,
        _CLUSTER,
        "the context in the kubeconfig (default: the only one)",
        metavar="NAME",
        verbs=_CELLS,
        repeated=True,
    ),
    Option(
        "allow-cluster",
        Kind.TEXT,
        _CLUSTER,
        "the cluster's name, repeated: required for a cluster that this suite did not create",
        metavar="NAME",
        verbs=_CELLS,
        repeated=True,
    ),
    Option(
        "allow-privileged",
        Kind.FLAG,
        _CLUSTER,
        "install charts that request privileged pods, access to the node, or objects outside of their namespace",
        verbs=_CELLS,
        pytest="--allow-privileged",
    ),
    Option(
        "recipes",
        Kind.FILE,
        _CLUSTER,
        "the folder with build recipes (default: ci/ of this checkout)",
        metavar="DIR",
        verbs=_CELLS,
    ),
    # -- expected findings ---------------------------------------------------------------------------------------------
    Option(
        "deviations",
        Kind.FILES,
        _EXPECTED,
        "a file that lists expected findings, each with its reason; repeatable",
        verbs=_CHECKS,
        in_file=True,
        pytest="--deviations",
    ),
    Option(
        "write-baseline",
        Kind.FILE,
        _EXPECTED,
        "write a file for --deviations that expects every finding of this run; an old file keeps its reasons",
        verbs=_CHECK,
    ),
    # -- repairs -------------------------------------------------------------------------------------------------------
    Option(
        "fix",
        Kind.FLAG,
        _REPAIRS,
        "repair what is mechanical and certain in the charts' own files, and then check what is left",
        field="",
        verbs=_CHECK,
    ),
    Option(
        "diff",
        Kind.FLAG,
        _REPAIRS,
        "print what --fix would change as a unified diff, and change nothing",
        field="",
        verbs=_CHECK,
    ),
    # -- output --------------------------------------------------------------------------------------------------------
    Option(
        "output-format",
        Kind.TEXT,
        OUTPUT,
        "the form of standard output: full, concise, or the name of a file option below, such as json "
        "(default: full for a few findings, an overview for many)",
        field="",
        metavar="NAME",
        verbs=_CHECKS,
        in_file=True,
    ),
    Option(
        "rule-pages",
        Kind.TEXT,
        OUTPUT,
        "the address below which each rule has a page, for links in outputs for reviews and in JSON",
        metavar="URL",
        verbs=_CHECKS,
        default="",
        in_file=True,
        pytest="--conformance-rule-pages",
    ),
    Option(
        "strict",
        Kind.SWITCH,
        OUTPUT,
        "treat warnings as failures",
        verbs=_CHECKS,
        in_file=True,
        repeated=True,
        pytest="--conformance-strict",
    ),
    Option(
        "statistics",
        Kind.FLAG,
        OUTPUT,
        "print how many findings each rule has, instead of the findings",
        field="",
        verbs=_CHECKS,
    ),
    Option(
        "quiet",
        Kind.FLAG,
        OUTPUT,
        "print only what fails: no warnings, tables, summary and progress",
        field="",
        verbs=_CHECKS,
        alias="q",
    ),
    Option(
        "artifacts",
        Kind.FILE,
        OUTPUT,
        "the folder for what was observed, and for the logs of cells that fail (default: artifacts)",
        metavar="DIR",
        verbs=_LIVE,
        default=Path("artifacts"),
    ),
)


def options_of(verb: str) -> tuple[Option, ...]:
    """Return the options that a verb offers, in the order of its help."""
    return tuple(option for option in OPTIONS if verb in option.verbs)
