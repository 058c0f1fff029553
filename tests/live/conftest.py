"""Tests that need a cluster: they run only when they are named (`pytest tests/live`), on a machine that is set up."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from osh_conformance.provision import machine, recipes, runs
from osh_conformance.provision.docker import BUILDS
from tests.controls import RepeatedScenario, is_nightly, keeps, mutants, record, twins
from tests.live.driving import Program, Result, chart, new_program, tree
from tests.live.watching import PasswordWatch
from tests.named import leave_out_unless_named
from tests.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from osh_conformance.provision.docker import Docker

HERE = Path(__file__).parent
#: The scenarios of the group main; test_removals.py has those of the other groups.
MAIN = ("drop-enabled", "drop-disabled")
_SLOWEST = 12
#: What a run takes at most: at its beginning and end, and for each chart. A cell takes about half a minute, and three
#: run at a time.
_SECONDS_OF_A_RUN, _SECONDS_OF_A_CHART = 300.0, 40.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let observations be kept, for the unit tests of the rules."""
    parser.addoption("--record", action="store_true", help="keep what was seen of each mutant beside it (recorded/)")


def pytest_configure(config: pytest.Config) -> None:
    """Tell what takes long."""
    if config.option.durations is None:
        config.option.durations = _SLOWEST


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of this folder, unless the command line names it."""
    leave_out_unless_named(HERE, config, items)


@pytest.fixture(scope="session")
def keep(request: pytest.FixtureRequest) -> Callable[[Result, str, RepeatedScenario], None]:
    """Keep the observation of a mutant or a benign twin in a scenario, with `--record`."""

    def keep(result: Result, name: str, scenario: RepeatedScenario) -> None:
        if request.config.getoption("--record") and keeps(name, scenario):
            record(result.observation(name, scenario.name), name, scenario)

    return keep


@pytest.fixture(scope="session")
def docker() -> Docker:
    found, problem = machine.find_docker()
    assert found, f"{problem}: run `osh-conformance setup` first"
    return found


@pytest.fixture(scope="session")
def program(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The program in a state of its own, of which nothing stays."""
    made = new_program(docker, tmp_path_factory.mktemp("live"))
    volume = runs.store_volume(made.folders)
    try:
        yield made
    finally:
        collected = made.run("gc", "--kept")
        docker.run("volume", "rm", "--force", volume, check=False)
    assert collected.code == 0, collected.printed
    assert made.left("osh-conformance-ffffffff") == []


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chart(tmp_path_factory.mktemp("base"))


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The cluster on which most of these tests run, and the run that made it: of the chart that breaks no rule."""

    first: Result
    run: runs.RunFolder
    kubeconfig: Path

    @property
    def context(self) -> str:
        return f"kind-{self.run.cluster}"


#: A name of somebody's image. Names of the suite's own images are refused on clusters of others.
PUBLISHED = "registry.corp.test/acme/keystone:22.0.2"


@pytest.fixture(scope="session")
def published(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Values with which the base uses an image of somebody else: Docker has it, and the kept cluster can pull it."""
    book = recipes.load(ROOT / "ci")
    docker.run("tag", f"{BUILDS}distribution:{book.key('distribution')}", PUBLISHED)
    values = tmp_path_factory.mktemp("published") / "values.yaml"
    values.write_text(f"images:\n  db_init: {PUBLISHED}\n  db_drop: {PUBLISHED}\n")
    try:
        yield values
    finally:
        docker.run("rmi", "--no-prune", PUBLISHED, check=False)


@pytest.fixture(scope="session")
def kept(program: Program, base: Path, published: Path) -> Kept:
    first = program.run("live", base, "--keep", "--helm", "3,4", "--values", published)
    assert first.code == 0, first.printed
    run = program.kept()
    # Elsewhere it is the file of a cluster that this suite did not make.
    foreign = program.home / "somebody.kubeconfig"
    foreign.touch(mode=0o600)
    foreign.write_text((run.folder / "kubeconfig").read_text())
    return Kept(first=first, run=run, kubeconfig=foreign)


@dataclass(frozen=True, kw_only=True)
class Mutants:
    """The run of a scenario on its mutants and their benign twins, and the generated passwords of its cells."""

    result: Result
    names: Sequence[str]
    benign: Sequence[str]
    passwords: frozenset[str]


@pytest.fixture(scope="session")
def judged(request: pytest.FixtureRequest, program: Program, kept: Kept) -> dict[str, Mutants]:
    """Each mutant in the scenario in which it breaks, and its benign twins beside it; by scenario.

    Those of the night are there if their tests run.
    """
    asked = {item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")}
    found = {}
    for scenario in MAIN:
        once = RepeatedScenario(name=scenario)
        names = [name for name in mutants(once) if not is_nightly(name) or name in asked]
        benign = [name for name in twins(once) if not is_nightly(name) or name in asked]
        charts = tree(program.home / scenario, [*names, *benign])
        words = ("live", charts, "--scenario", scenario, "--keep", "--parallel", "3")
        with PasswordWatch(kept.kubeconfig, kept.context) as watch:
            result = program.run(*words, seconds=_SECONDS_OF_A_RUN + _SECONDS_OF_A_CHART * (len(names) + len(benign)))
        found[scenario] = Mutants(result=result, names=names, benign=benign, passwords=frozenset(watch.seen))
    return found


@pytest.fixture
def own_cluster(program: Program, kept: Kept) -> Iterator[Program]:
    """The program with the kept cluster taken, so that a run makes one of its own."""
    with runs.claim(program.folders, kept.run) as mine:
        assert mine
        yield program


@pytest.fixture
def bystanders(docker: Docker, kept: Kept) -> Iterator[list[str]]:
    """A container and a network of another kind user."""
    name = f"bystander-{int(time.time())}"
    image = docker.lines("inspect", "--format", "{{.Image}}", f"{kept.run.cluster}-control-plane")[0]
    label = f"--label={runs.KIND_LABEL}={name}"
    docker.run("network", "create", name)
    try:
        docker.run("run", "--detach", "--name", name, "--network", name, label, "--entrypoint", "sleep", image, "3600")
        yield [name, *docker.lines("ps", "--filter", f"name={kept.run.cluster}", "--format", "{{.Names}}")]
    finally:
        docker.run("rm", "--force", "--volumes", name, check=False)
        docker.run("network", "rm", name, check=False)
