"""The verbs: what they import, and what they say when an extra is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from osh_conformance.cli import main
from tests.paths import KEYSTONE

if TYPE_CHECKING:
    from pathlib import Path

_EXTRA = ("kubernetes", "pytest_helm_charts", "requests", "trustme", "truststore", "zstandard")


def _run(program: str, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program, *argv], capture_output=True, text=True, check=False)


def _without(*modules: str) -> str:
    return (
        f"import sys; sys.modules.update(dict.fromkeys({modules!r})); "
        "from osh_conformance.cli import main; sys.exit(main(sys.argv[1:]))"
    )


@pytest.mark.parametrize("verb", ["check", "live", "plan", "explain", "setup", "doctor", "gc"])
def test_help_of_a_verb_imports_no_engine_and_no_other_verb(verb: str) -> None:
    program = (
        "import sys; from osh_conformance.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "rooms = {name.split('.')[1] for name in sys.modules if name.startswith('osh_conformance.')}\n"
        "verbs = {name for name in sys.modules if name.startswith('osh_conformance.cli.')}\n"
        "assert not rooms & {'check', 'live', 'plan', 'plugin', 'render', 'cluster', 'scenario', 'provision'}, rooms\n"
        "assert verbs == {f'osh_conformance.cli.{name}' for name in ('arguments', 'endings', 'verbs')}, verbs\n"
        "assert 'pytest' not in sys.modules and 'msgspec' not in sys.modules\n"
    )
    done = _run(program, verb, "--help")
    assert done.returncode == 0, done.stderr
    assert f"osh-conformance {verb} [-h]" in done.stdout


def test_live_without_its_extra_names_the_extra_and_ends_with_3() -> None:
    for module in _EXTRA:
        done = _run(_without(module), "live", str(KEYSTONE))
        assert done.returncode == 3
        assert "`live` needs the extra `live`" in done.stderr
        assert "Traceback" not in done.stderr


def test_plan_without_the_extra_live_is_no_traceback() -> None:
    done = _run(_without(*_EXTRA), "plan", str(KEYSTONE))
    assert "Traceback" not in done.stderr
    assert done.returncode == 0 or "needs the extra `live`" in done.stderr


def test_check_without_any_renderer_names_the_extra_and_ends_with_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Worker processes begin with it too.
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['helm_python'] = None\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("OSH_CONFORMANCE_HELM", raising=False)
    done = _run(_without(), "check", str(KEYSTONE), "--no-cache")
    assert done.returncode == 3
    assert "fix        pip install helm-python-sdk, or name the program with --helm-program" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["doctor", "setup"])
def test_a_service_that_no_flavor_has_ends_with_4_and_the_right_name(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb, "--service", "keystone,glanse"]) == 4
    assert "no flavor has an image of a service `glanse`: did you mean `glance`" in capsys.readouterr().err
