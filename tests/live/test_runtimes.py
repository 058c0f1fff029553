"""The container runtimes: charts that lean on one of them fail under the others, and bad nodes are named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from osh_conformance.provision import recipes
from osh_conformance.provision.docker import BUILDS
from tests.live.axes import RUNTIMES
from tests.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.provision.docker import Docker
    from tests.live.conftest import Kept
    from tests.live.driving import Program, Result

#: Runtimes of another kind; a night's run has the others too, whose programs take minutes to build.
_QUICK = ("runc", "gvisor")
_EVERY = ("runc", "crun", "youki", "gvisor")
#: The chart whose Job sets no HOME and needs none.
_WITHOUT_HOME = "needs-no-home"
_LONGEST = 1200.0
_NSS_MODULES = "registry.corp.test/acme/nss-modules:12"


def _run(program: Program, folder: Path, runtimes: tuple[str, ...]) -> Result:
    charts = RUNTIMES.tree(folder, [*RUNTIMES.mutants(runtimes), *RUNTIMES.twins()])
    words = ("--runtime", ",".join(runtimes), "--scenario", "drop-enabled", "--keep")
    return program.run("live", charts, *words, seconds=_LONGEST)


@pytest.fixture(scope="module")
def quick(kept: Kept, program: Program, tmp_path_factory: pytest.TempPathFactory) -> Result:
    assert kept
    return _run(program, tmp_path_factory.mktemp("quick"), _QUICK)


@pytest.mark.parametrize("mutant", RUNTIMES.mutants(_QUICK))
def test_a_mutant_fails_under_the_runtime_that_lacks_what_it_needs(mutant: str, quick: Result) -> None:
    assert quick.code == 1, quick.printed
    RUNTIMES.check(quick, mutant, _QUICK)


@pytest.mark.parametrize("twin", RUNTIMES.twins())
def test_a_benign_twin_passes_under_each_runtime(twin: str, quick: Result) -> None:
    RUNTIMES.check(quick, twin, _QUICK)


@pytest.mark.nightly
def test_each_runtime_fails_the_mutants_that_lean_on_another(kept: Kept, program: Program, tmp_path: Path) -> None:
    assert kept
    result = _run(program, tmp_path, _EVERY)
    assert result.code == 1, result.printed
    for name in (*RUNTIMES.mutants(_EVERY), *RUNTIMES.twins()):
        RUNTIMES.check(result, name, _EVERY)


@pytest.fixture
def nss_modules(docker: Docker) -> Iterator[str]:
    """The name of an image that looks up accounts by modules: Docker has it, and the kept cluster can pull it."""
    key = recipes.load(ROOT / "ci").key
    debian = f"{BUILDS}debian:{key('debian')}"
    bases = {
        "BASE_IMAGE": f"{BUILDS}distribution:{key('distribution')}",
        "DEBIAN_IMAGE": debian if docker.has_image(debian) else "docker.io/library/debian:bookworm-slim",
    }
    arguments = [word for name, base in bases.items() for word in ("--build-arg", f"{name}={base}")]
    place = Path(__file__).parent / "nss-modules"
    docker.run("build", "--force-rm", "--network", "host", *arguments, "--tag", _NSS_MODULES, place, deadline=_LONGEST)
    try:
        yield _NSS_MODULES
    finally:
        docker.run("rmi", _NSS_MODULES, check=False)
        # The stage of the build, which has no name.
        docker.run("image", "prune", "--force", "--filter", "label=osh-conformance.test=nss-modules")


@pytest.mark.nightly
def test_no_runtime_loads_the_modules_by_which_an_image_looks_up_accounts(
    kept: Kept, program: Program, nss_modules: str, tmp_path: Path
) -> None:
    """A user id without an account and no HOME: youki without its change ends with SIGFPE or SIGSEGV."""
    assert kept
    values = tmp_path / "values.yaml"
    images = dict.fromkeys(("db_init", "db_drop"), nss_modules)
    values.write_text(yaml.safe_dump({"images": images, "pod": {"run_as_user": 64321}}))
    charts = RUNTIMES.tree(tmp_path, [_WITHOUT_HOME])
    words = ("--values", values, "--runtime", ",".join(_EVERY), "--scenario", "drop-enabled", "--keep")
    result = program.run("live", charts, *words, seconds=_LONGEST)
    assert result.code == 0, result.printed
    assert [cell["status"] for cell in result.document["cells"]] == ["pass"] * len(_EVERY)


@pytest.mark.parametrize(
    ("runtime", "problem"),
    [
        ({"handler": "nobody"}, "has no handler `nobody` for the runtime absent"),
        ({"handler": "runc", "check": ["runc", "no-such-verb"]}, "cannot run containers with absent: runc: exit code"),
        ({"handler": "runc", "check": ["nobody"]}, "cannot run containers with absent: nobody: exit code 127"),
    ],
)
@pytest.mark.usefixtures("kept")
def test_a_runtime_that_the_nodes_cannot_run_is_one_error_before_the_first_cell(
    program: Program, base: Path, tmp_path: Path, runtime: Mapping[str, object], problem: str
) -> None:
    file = tmp_path / "runtimes" / "absent.yaml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump({"name": "absent", "summary": "none", "cri": "containerd", **runtime}))
    words = ("--data", tmp_path, "--runtime", "absent", "--scenario", "drop-enabled", "--keep")
    result = program.run("live", base, *words)
    assert result.code == 3, result.printed
    assert problem in result.printed
    assert "cell mutant-base" not in result.printed
    assert "Traceback" not in result.printed
