"""The verbs: their options and help texts. Nothing here imports an engine, so that `--help` is quick.

A verb is a `Verb` in this table and a module `cli/<name>.py` with `run(args) -> int`, imported when the verb runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from osh_conformance.cli import arguments
from osh_conformance.config.options import CHECK, LIVE, OPTIONS, PLAN

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


#: The shells that `completion` has a script for.
SHELLS = ("bash", "zsh", "fish")
#: The modules that ask registries for images.
_REGISTRIES = ("requests", "truststore")
#: The modules of a live run. `setup` and `doctor` need them too, so that they promise no run that cannot begin.
_LIVE = ("kubernetes", "pytest_helm_charts", *_REGISTRIES, "trustme", "zstandard")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One verb.

    - help: its line in `osh-conformance --help`.
    - description, epilog: above and below the options in its own help.
    - add_arguments: adds its arguments to a parser.
    - needs: modules without which it cannot run; they come with the extra `live`.
    - linux: whether it needs Linux.
    - paths: whether it takes PATH arguments.
    """

    help: str
    description: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    epilog: str = ""
    needs: tuple[str, ...] = ()
    linux: bool = False
    paths: bool = False


def _explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rule", nargs="?", metavar="RULE", help="the rule's id; without it, list all rules")
    parser.add_argument(
        "--markdown", metavar="DIR", type=arguments.path, help="write a page for each rule to DIR, and an index"
    )
    parser.add_argument(
        "--schemas",
        metavar="DIR",
        type=arguments.path,
        help="write JSON Schemas of the files that you write to DIR, for editors",
    )


def _completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=f"one of {', '.join(SHELLS)}")


def _setup(parser: argparse.ArgumentParser) -> None:
    _add_run(parser)
    parser.add_argument("--only", metavar="NAME", help="build only this recipe and the recipes that it needs")
    undo = parser.add_mutually_exclusive_group()
    undo.add_argument("--stop", action="store_true", help="stop the Docker engine that `setup` started; keep builds")
    undo.add_argument(
        "--remove", action="store_true", help="remove everything that `setup` created: Docker engine, builds, images"
    )


def _doctor(parser: argparse.ArgumentParser) -> None:
    _add_run(parser)


def _gc(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kept",
        action="append",
        nargs="?",
        const="",
        default=[],
        metavar="NAME",
        help="also remove the clusters that --keep left running without a name, or the one that --keep=NAME left; "
        "repeatable",
    )


def _add_run(parser: argparse.ArgumentParser) -> None:
    """Offer the options that say what a live run will need."""
    _add_recipes(parser)
    parser.add_argument("--helm", default="4", metavar="MAJORS", help="major versions of Helm, as 3,4 (default: 4)")
    parser.add_argument("--node-image", metavar="REF", help="the node image for kind (default: kind's own choice)")
    parser.add_argument(
        "--flavor",
        type=arguments.names,
        default="distribution",
        metavar="NAME,...|all",
        help="image flavors of the run (default: distribution; without registries `all` builds for half an hour)",
    )
    parser.add_argument(
        "--service",
        type=arguments.names,
        default="keystone",
        metavar="NAME,...|all",
        help="services whose images the flavors bring, and rabbitmq for the message queue (default: keystone)",
    )
    parser.add_argument(
        "--runtime",
        type=arguments.names,
        default="",
        metavar="NAME,...|all",
        help="container runtimes of the run (default: that of the nodes)",
    )


def _add_recipes(parser: argparse.ArgumentParser) -> None:
    arguments.add_option(parser, next(option for option in OPTIONS if option.name == "recipes"))


VERBS: dict[str, Verb] = {
    "check": Verb(
        help="check charts without a cluster, in seconds",
        description="Renders each chart and checks the manifests by the static rules. Needs no cluster.",
        paths=True,
        add_arguments=partial(arguments.add_options, verb=CHECK, reports=True),
        epilog="""
examples:
  osh-conformance check charts/keystone
  osh-conformance check --catalog catalog.yaml
  osh-conformance check charts --select REF,KEY-1 --ignore REF-4
  osh-conformance check charts --since origin/main
  osh-conformance check charts --fix
  osh-conformance check charts --write-baseline deviations.yaml
  osh-conformance check charts --deviations deviations.yaml --junit report.xml

Options can also be set in osh-conformance.toml, or below [tool.osh-conformance] in pyproject.toml; the command line
overrides both. A comment in a chart switches a rule off: # osh-conformance: ignore RULE reason
""",
    ),
    "live": Verb(
        help="install charts on a cluster and check what happens",
        description="""
Installs each chart on a kind cluster that the suite creates, with each image flavor, packaging format, container
runtime and Helm major. Checks what then runs, what the database server shows before and after, and what `helm
uninstall` leaves behind. Checks the static rules too. Removes the cluster afterwards. `osh-conformance plan` prints
what would run and for how long; `osh-conformance setup` provides what a live run needs.
""",
        paths=True,
        add_arguments=partial(arguments.add_options, verb=LIVE, reports=True),
        epilog="""
examples:
  osh-conformance live charts-under-test/keystone
  osh-conformance live --catalog catalog.yaml
  osh-conformance live charts/keystone --flavor distribution --helm 3,4 --junit report.xml
  osh-conformance live charts/keystone --flavor all --runtime all --format all --matrix pairwise
  osh-conformance live charts/keystone --scenario drop-enabled --keep
  osh-conformance live charts/keystone --scenario drop-enabled --keep=alice
  osh-conformance live charts/keystone --scenario lifecycle
  osh-conformance live charts/keystone --faults
  osh-conformance live charts/keystone --scenario drop-enabled --repeat 50
  osh-conformance live charts/keystone --kubeconfig ~/.kube/test --allow-cluster my-test-cluster
""",
        needs=_LIVE,
        linux=True,
    ),
    "plan": Verb(
        help="print what live would run, what it would skip and why, and how long it would take",
        description="""
Takes the options of `osh-conformance live`, and runs nothing. Prints the cells, the cells that are left out with
their reasons, the images to pull or build first, and the time, from former runs on this machine.
""",
        paths=True,
        add_arguments=partial(arguments.add_options, verb=PLAN, reports=False),
        needs=_REGISTRIES,
        epilog="""
examples:
  osh-conformance plan charts-under-test/keystone --flavor all --runtime all --helm 3,4
  osh-conformance plan charts-under-test/keystone --flavor all --format all --matrix pairwise
""",
    ),
    "explain": Verb(
        help="explain a rule: its reason, and how to fix a finding",
        description="Prints a rule: its title, source and reason, how it is checked, and an example with its fix.",
        add_arguments=_explain,
    ),
    "completion": Verb(
        help="print a script with which your shell completes commands",
        description="Prints a script with which a shell completes verbs, options, and the names of rules and flavors.",
        add_arguments=_completion,
        epilog="""
Once for your user, and again after an update:
  osh-conformance completion bash > ~/.local/share/bash-completion/completions/osh-conformance
  osh-conformance completion zsh  > ~/.zfunc/_osh-conformance       # with fpath+=~/.zfunc before compinit in ~/.zshrc
  osh-conformance completion fish > ~/.config/fish/completions/osh-conformance.fish
""",
    ),
    "setup": Verb(
        help="provide what a live run needs; prints time and disk space first",
        description="""
Looks for Docker, kind, helm, and the images of a run. Pulls published images, and builds the suite's own. Builds what
else is missing from recipes, as far as this user may, and first prints what, how long and how much disk space.
""",
        add_arguments=_setup,
        needs=_LIVE,
        linux=True,
    ),
    "doctor": Verb(
        help="print what this machine can run, and what is missing",
        description="""
Examines this machine, changes nothing, and prints what `osh-conformance setup` would do. It says "Ready" only if setup
and then a live run with the same options would succeed.
""",
        add_arguments=_doctor,
        needs=_LIVE,
    ),
    "gc": Verb(
        help="remove what killed runs left behind",
        description="""
Removes what ended runs and builds left behind: containers, networks, processes, mounts, folders; and in clusters that
--keep left running, cells and what faults did to the nodes. Removes only what carries this suite's label, name or
lock; running runs and kept clusters stay, and are listed with their names. On a cluster that the suite did not create
it removes nothing, and prints the namespaces that a killed run left there.
""",
        add_arguments=_gc,
        epilog="""
examples:
  osh-conformance gc
  osh-conformance gc --kept
  osh-conformance gc --kept alice
""",
        linux=True,
    ),
}
