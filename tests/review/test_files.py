"""The files for CI systems: judged by the validators of those systems, and run as those systems run them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
import zuul

from tests.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

_ACTIONLINT = ("go", "run", "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12")
_PACKAGE = f"{ROOT}[render]"


def _run(*argv: object, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False, **options)


def _program(name: str) -> str:
    """Return a program of this environment, which may not be active."""
    return str(Path(sys.executable).with_name(name))


def _holds(schema: str, file: Path, *options: str) -> None:
    done = _run(_program("check-jsonschema"), "--builtin-schema", f"vendor.{schema}", *options, file)
    assert done.returncode == 0, done.stdout


# -- as their systems read them ----------------------------------------------------------------------------------------


def test_pre_commit_takes_the_hook() -> None:
    done = _run(_program("pre-commit"), "validate-manifest", ROOT / ".pre-commit-hooks.yaml")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "taken"),
    [
        ("keystone/Chart.yaml", True),
        ("keystone/values.yaml", True),
        ("keystone/templates/job-db-drop.yaml", True),
        ("helm-toolkit/templates/manifests/_job.tpl", True),
        ("keystone/values_overrides/noble.yaml", True),
        ("values.yaml", True),
        ("docs/values.yaml.md", False),
        ("src/main.py", False),
    ],
)
def test_the_hook_gets_the_files_of_charts(file: str, taken: bool) -> None:  # noqa: FBT001
    for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text()):
        assert bool(re.search(hook["files"], file)) is taken


def test_github_takes_the_action() -> None:
    _holds("github-actions", ROOT / "action.yml")


def test_github_takes_the_nightly_workflow() -> None:
    workflow = ROOT / "ci" / "nightly" / "github.yml"
    _holds("github-workflows", workflow)
    done = _run(*_ACTIONLINT, workflow)
    assert done.returncode == 0, done.stdout + done.stderr


def test_actionlint_finds_what_is_wrong(tmp_path: Path) -> None:
    text = (ROOT / "ci" / "nightly" / "github.yml").read_text()
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(text.replace("matrix.part }} of 4", "matrix.prat }} of 4"))
    done = _run(*_ACTIONLINT, wrong)
    assert 'property "prat" is not defined' in done.stdout


def test_gitlab_takes_the_nightly_pipeline() -> None:
    _holds("gitlab-ci", ROOT / "ci" / "nightly" / "gitlab.yml", "--data-transform", "gitlab-ci")


def test_gitlab_takes_the_component(tmp_path: Path) -> None:
    header, job = yaml.safe_load_all((ROOT / "templates" / "check.yml").read_text())
    for name, part in (("header", header), ("job", job)):
        file = tmp_path / f"{name}.yml"
        file.write_text(yaml.safe_dump(part))
        _holds("gitlab-ci", file, "--data-transform", "gitlab-ci")
    used = set(re.findall(r"\$\[\[ inputs\.([\w-]+) \]\]", json.dumps(job)))
    assert used == set(header["spec"]["inputs"]), "each input is used, and each used input exists"


@pytest.mark.parametrize("number", ["github.yml", "gitlab.yml"])
def test_a_nightly_run_waits_for_as_many_parts_as_it_starts(number: str) -> None:
    text = (ROOT / "ci" / "nightly" / number).read_text()
    versions, parts = (
        len(re.findall(r"[\w.]+", found))
        for found in re.findall(r"(?:kubernetes|part|KUBERNETES|PART): \[(.*)\]", text)
    )
    assert f"worst.sh reports {versions * parts}\n" in text
    assert re.search(rf"part.sh .*/{parts}\"", text.replace("\n", " "))


@pytest.mark.parametrize("name", ["check.yaml", "live.yaml", "live-reports.yaml"])
def test_ansible_takes_the_playbooks_of_zuul(name: str, tmp_path: Path) -> None:
    done = _run(_program("ansible-playbook"), "--syntax-check", ROOT / "ci" / "zuul" / name, env=_ansible(tmp_path))
    assert done.returncode == 0, done.stderr


def test_the_jobs_of_zuul_name_playbooks_that_exist() -> None:
    jobs = yaml.safe_load((ROOT / "zuul.d" / "jobs.yaml").read_text())
    playbooks = [ROOT / job["job"][key] for job in jobs for key in ("run", "post-run") if key in job["job"]]
    assert len(playbooks) == 3
    assert all(playbook.is_file() for playbook in playbooks)
    nightly = yaml.safe_load((ROOT / "ci" / "nightly" / "zuul.yaml").read_text())
    names = {each["job"]["name"] for each in (*jobs, *nightly) if "job" in each}
    assert {each["job"].get("parent") for each in nightly if "job" in each} <= names
    assert set(nightly[-1]["project"]["periodic"]["jobs"]) < names


# -- as their systems run them -----------------------------------------------------------------------------------------


def test_the_action_shows_a_finding_at_its_line(changed: Path, tmp_path: Path) -> None:
    done, outputs = _action(changed, tmp_path, {"paths": "charts", "since": "HEAD^", "arguments": "--select\nREF\n"})
    assert done.returncode == 1, done.stderr
    (annotation,) = (line for line in done.stdout.splitlines() if line.startswith("::"))
    assert re.match(
        r"::error file=\S*new/values.yaml,line=3,title=REF-2 images.api::found%3A|::error file=", annotation
    )
    assert "charts/old" not in done.stdout
    assert "`REF-2`" in (tmp_path / "summary.md").read_text()
    assert outputs["exit-code"] == "1"
    assert len(json.loads(Path(outputs["sarif"]).read_text())["runs"][0]["results"]) == 1
    assert json.loads(Path(outputs["json"]).read_text())["summary"]["charts"] == 1


def test_the_action_runs_no_text_of_its_inputs(changed: Path, tmp_path: Path) -> None:
    hostile = f'$(touch {tmp_path}/run)\n"; touch {tmp_path}/run; "\n`touch {tmp_path}/run`'
    done, outputs = _action(changed, tmp_path, {"paths": hostile, "since": "$(id)", "arguments": ""})
    assert done.returncode == int(outputs["exit-code"]) == 4
    assert not (tmp_path / "run").exists()


def _action(tree: Path, folder: Path, inputs: Mapping[str, str]) -> tuple[Any, dict[str, str]]:
    """Run the step `check` of the action as a runner does, with this environment's program."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    (step,) = (step for step in action["runs"]["steps"] if step.get("id") == "check")
    program = folder / "osh-conformance" / "bin" / "osh-conformance"
    program.parent.mkdir(parents=True)
    program.symlink_to(_program("osh-conformance"))
    own = {
        name: re.sub(r"\${{ inputs\.(\w+) }}", lambda found: inputs[found[1]], value)
        for name, value in step["env"].items()
    }
    files = {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    environment = {**os.environ, **own, **files, "RUNNER_TEMP": str(folder)}
    done = _run("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"], cwd=tree, env=environment)
    pairs = (line.split("=", 1) for line in (folder / "output").read_text().splitlines())
    return done, dict(pairs)


def test_the_component_of_gitlab_finds_what_changed(changed: Path) -> None:
    header, job = yaml.safe_load_all((ROOT / "templates" / "check.yml").read_text())
    inputs = {name: each.get("default") for name, each in header["spec"]["inputs"].items()}
    inputs |= {"package": _PACKAGE, "paths": "charts", "arguments": "--select REF", "since": "HEAD^"}
    text = json.dumps(job)
    for name, value in inputs.items():
        text = text.replace(f"$[[ inputs.{name} ]]", value)
    ((_, job),) = json.loads(text).items()
    environment = {**os.environ, **job["variables"], "CI_PROJECT_DIR": str(changed)}
    done = _run("bash", "-eo", "pipefail", "-c", "\n".join(job["script"]), cwd=changed, env=environment)
    assert done.returncode == 1, done.stderr
    (entry,) = json.loads((changed / job["artifacts"]["reports"]["codequality"]).read_text())
    assert entry["location"]["path"] == "charts/new/values.yaml"
    assert entry["location"]["lines"] == {"begin": 3}
    assert all((changed / name).is_file() for name in job["artifacts"]["paths"])


def _ansible(folder: Path) -> dict[str, str]:
    """Return an environment in which Ansible has `zuul_return`, and else only what is its own."""
    its = Path(str(zuul.__file__)).parent / "ansible" / "base"
    for kind in ("action", "library"):
        (folder / kind).mkdir()
        (folder / kind / "zuul_return.py").symlink_to(its / kind / "zuul_return.py")
    return {
        **os.environ,
        "ANSIBLE_ACTION_PLUGINS": str(folder / "action"),
        "ANSIBLE_LIBRARY": str(folder / "library"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ZUUL_JOBDIR": str(folder),
    }


def test_the_job_of_zuul_returns_comments_at_their_lines(changed: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "logs").mkdir(parents=True)
    (work / "results.json").touch()  # as the executor of Zuul does
    (job, *_) = yaml.safe_load((ROOT / "zuul.d" / "jobs.yaml").read_text())
    given = {
        **job["job"]["vars"],
        "osh_conformance_package": _PACKAGE,
        "osh_conformance_paths": ["charts"],
        "osh_conformance_arguments": ["--select", "REF,PP"],
        "ansible_user_dir": str(tmp_path / "home"),
        "zuul": {"project": {"src_dir": str(changed)}, "executor": {"log_root": str(work / "logs")}},
    }
    with (changed / "charts" / "new" / "templates" / "deployment.yaml").open() as template:
        assert "{{" in template.read(), "text that Ansible would take for its own"
    (tmp_path / "home").mkdir()
    inventory = ("--inventory", "localhost,", "--connection", "local")
    playbook = ROOT / "ci" / "zuul" / job["job"]["run"].rpartition("/")[2]
    python = ("--extra-vars", json.dumps({**given, "ansible_python_interpreter": sys.executable}))
    done = _run(_program("ansible-playbook"), *inventory, *python, playbook, env=_ansible(tmp_path))
    assert done.returncode == 2, done.stdout + done.stderr
    assert "(exit code 1)" in done.stdout
    returned = json.loads((work / "results.json").read_text())["data"]["zuul"]
    ((path, (comment,)),) = returned["file_comments"].items()
    assert path == "charts/new/values.yaml"
    assert (comment["line"], comment["level"]) == (3, "error")
    assert (work / "logs" / "osh-conformance.json").is_file()


def test_the_hook_for_trees_checks_what_changed(changed: Path) -> None:
    environment = {**os.environ, "PRE_COMMIT_HOME": str(changed.parent / "home")}
    argv = (_program("pre-commit"), "try-repo", ROOT, "osh-conformance-tree", "--verbose", "--all-files")
    assert _run(*argv, cwd=changed, env=environment).returncode == 0, "nothing is changed"
    with (changed / "charts" / "old" / "values.yaml").open("a") as values:
        values.write("# changed\n")
    done = _run(*argv, cwd=changed, env=environment)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL REF-2  old" in done.stdout
    assert "FAIL REF-2  new" not in done.stdout


def test_pre_commit_installs_the_hook_with_a_renderer(changed: Path) -> None:
    (changed / ".pre-commit-config.yaml").write_text("repos: []\n")
    environment = {**os.environ, "PRE_COMMIT_HOME": str(changed.parent / "home")}
    files = ("--files", "charts/new/values.yaml")
    argv = (_program("pre-commit"), "try-repo", ROOT, "osh-conformance", "--verbose", *files)
    done = _run(*argv, cwd=changed, env=environment)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL REF-2" in done.stdout
    assert "charts/new/values.yaml:3" in done.stdout
    shutil.rmtree(environment["PRE_COMMIT_HOME"])
