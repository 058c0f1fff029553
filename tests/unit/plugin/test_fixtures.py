"""The fixtures for chart authors' own tests, without a cluster: they are offered, and say what to add."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from osh_conformance.errors import SuiteError
from osh_conformance.live.author_tests import ConformanceHelm, OwnNamespace
from osh_conformance.live.credentials import Credentials
from osh_conformance.model.convention import DATABASE
from osh_conformance.plan.servers import SERVERS
from osh_conformance.process import Outcome
from tests.paths import KEYSTONE

_NAMES = ("conformance_cluster", "conformance_namespace", "conformance_helm", "conformance_database")


def test_the_fixtures_are_offered_with_their_description(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--fixtures")
    for name in _NAMES:
        result.stdout.fnmatch_lines([f"{name} -- *", "    *"])


@pytest.mark.parametrize("name", _NAMES)
def test_a_fixture_without_live_says_what_to_add(name: str, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(f"def test_own({name}): pass\ndef test_other(): pass")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(["*needs a cluster: run pytest with --live and with --charts PATH*"])
    result.stdout.no_fnmatch_line("*Traceback*")


_FAKE_SESSION = """
import contextlib
from pathlib import Path
from types import SimpleNamespace

from osh_conformance.errors import SuiteError
from osh_conformance.live import session as sessions


@contextlib.contextmanager
def open_session(suite, cell_runs, progress):
    assert not list(cell_runs)
    if {fails}:
        raise SuiteError("no engine")
    cluster = SimpleNamespace(name="fake", context="kind-fake", owned=True)
    tools = SimpleNamespace(folders=None)
    cancel = SimpleNamespace(set=lambda: None)
    yield SimpleNamespace(
        cluster=cluster,
        kubeconfig=Path("kubeconfig"),
        kubernetes="v1.36.1",
        tools=tools,
        cancel=cancel,
        versions=dict,
    )


sessions.open_session = open_session
"""


def _run_own(pytester: pytest.Pytester, *, fails: bool) -> pytest.RunResult:
    pytester.makeconftest(_FAKE_SESSION.replace("{fails}", str(fails)))
    pytester.makepyfile(test_notes="def test_it(conformance_cluster): assert conformance_cluster.name == 'fake'")
    return pytester.runpytest_subprocess("--live", f"--charts={KEYSTONE}", "-k", "test_notes", "test_notes.py")


def test_a_run_of_own_tests_alone_opens_the_cluster(pytester: pytest.Pytester) -> None:
    outcomes = _run_own(pytester, fails=False).parseoutcomes()
    assert outcomes.pop("deselected") > 0
    assert outcomes == {"passed": 1}


def test_a_cluster_that_does_not_open_is_an_error_of_the_own_test(pytester: pytest.Pytester) -> None:
    result = _run_own(pytester, fails=True)
    outcomes = result.parseoutcomes()
    assert outcomes.pop("deselected") > 0
    assert outcomes == {"errors": 1}
    result.stdout.no_fnmatch_line("*During handling*")
    result.stdout.fnmatch_lines(["*conformance_cluster: no engine*"])


def test_live_without_its_extra_is_a_usage_error_that_says_what_to_install(pytester: pytest.Pytester) -> None:
    missing = "raise ModuleNotFoundError('No module named kubernetes', name='kubernetes')"
    pytester.makepyfile(**{"kubernetes/__init__": missing})
    pytester.syspathinsert()
    result = pytester.runpytest_subprocess("--live", f"--charts={KEYSTONE}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: --live needs the extra `live`: the module `kubernetes` is not installed",
            "*pip install '.?live?'*",
        ]
    )


# -- the helm driver -------------------------------------------------------------------------------------------------


class _Helm:
    """Records what it is called with, and ends with `code`."""

    def __init__(self, code: int = 0) -> None:
        self.code = code
        self.calls: list[tuple[Any, ...]] = []

    def install(self, *arguments: Any, **options: Any) -> Outcome:
        self.calls.append((*arguments, options["timeout"], options["wait"]))
        return Outcome(argv=("helm", "install"), code=self.code, stdout="", stderr="it failed", seconds=0.1)


def _driver(folder: Path, helm: _Helm) -> tuple[ConformanceHelm, list[str]]:
    published: list[str] = []
    renderer = SimpleNamespace(render=lambda *_: {"x/templates/p.yaml": _POD})
    session = SimpleNamespace(
        charts=SimpleNamespace(folder=lambda chart: chart),
        suite=SimpleNamespace(renderer=renderer),
        images=SimpleNamespace(publish=published.append),
    )
    known = SimpleNamespace(learn=lambda: None, redact=lambda text: text.replace("failed", "..."))
    context = SimpleNamespace(folder=folder, secrets=known, cancel=None)
    driver = ConformanceHelm(
        namespace="own-1",
        helm_major=4,
        _session=cast("Any", session),
        _context=cast("Any", context),
        _helm=cast("Any", helm),
    )
    return driver, published


_POD = """
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {containers: [{name: c, image: docker.io/x/y:1.0.0}]}
"""


def test_helm_gets_the_values_in_a_private_file_and_the_cluster_the_images(tmp_path: Path) -> None:
    helm = _Helm()
    driver, published = _driver(tmp_path, helm)
    assert driver.install("x", Path("chart"), {"a": 1}, timeout=60).ok
    assert published == ["docker.io/x/y:1.0.0"]
    ((release, chart, namespace, (file,), timeout, wait),) = helm.calls
    assert (release, chart, namespace, timeout, wait) == ("x", Path("chart"), "own-1", 60, True)
    assert yaml.safe_load(file.read_text()) == {"a": 1}
    assert file.stat().st_mode & 0o077 == 0


def test_a_helm_that_fails_raises_its_redacted_output_unless_the_test_checks_itself(tmp_path: Path) -> None:
    driver, _ = _driver(tmp_path, _Helm(code=1))
    with pytest.raises(SuiteError, match="helm install ended with exit code 1") as caught:
        driver.install("x", Path("chart"))
    assert "it ..." in caught.value.details
    assert driver.install("x", Path("chart"), check=False).code == 1


def test_a_helm_major_that_the_run_lacks_is_an_error_that_names_the_others() -> None:
    session = SimpleNamespace(tools=SimpleNamespace(helm={4: Path("helm")}))
    own = OwnNamespace(cast("Any", session), cast("Any", None), Credentials.new("own-1"))
    with pytest.raises(SuiteError, match="no helm 3") as caught:
        own.helm(3)
    assert caught.value.expected == "one of 4"


def test_the_database_of_a_test_has_an_easy_password() -> None:
    credentials = Credentials.new("own-1")
    assert credentials.password.replace("-", "").replace("_", "").isalnum()
    assert credentials.server().values == {"root": {"password": credentials.password}}
    assert credentials.server().chart == SERVERS[DATABASE].folder
