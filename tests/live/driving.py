"""Driving the real program on a real cluster, and looking for what it leaves."""

from __future__ import annotations

import json
import re
import shutil
import signal
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ci.calls import Call, mark_of
from ci.kills.processes import carriers
from osh_conformance.folders import Folders, default_folders
from osh_conformance.provision import runs
from osh_conformance.rules import registry
from tests.controls import RECORDED, check_each, folder, has_tests
from tests.paths import LIVE_MUTANTS, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from osh_conformance.provision.docker import Docker

BASE = "mutant-base"
_LONGEST = 420.0
_CLEANS_UP = 180.0
#: The rules that judge a removal by what the server shows.
_REMOVALS = frozenset({"DROP-4", "DROP-5", "DROP-6", "DROP-7"})
_CLUSTER = re.compile(r"cluster (osh-conformance-[0-9a-f]{8}):")


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a call of the program ended, and where it wrote."""

    words: tuple[str, ...]
    code: int
    printed: str
    seconds: float
    folder: Path

    @cached_property
    def document(self) -> Mapping[str, Any]:
        return dict(json.loads((self.folder / "report.json").read_text()))

    @property
    def junit(self) -> str:
        return (self.folder / "report.xml").read_text()

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    def findings(self, chart: str) -> list[Mapping[str, Any]]:
        return [finding for finding in self.document["findings"] if finding["chart"] == chart]

    def checks(self, chart: str) -> list[tuple[str, str, str]]:
        """(rule, scenario, status) of all that the live rules said of a chart."""
        cells = [cell for cell in self.document["cells"] if cell["chart"] == chart]
        return [(each["rule"], each["scenario"], each["status"]) for cell in cells for each in cell["assertions"]]

    def observation(self, chart: str, scenario: str) -> Path:
        """What was seen of a chart that failed in a scenario."""
        cells = [cell for cell in self.document["cells"] if cell["chart"] == chart]
        (folder,) = {name for cell in cells if (name := Path(cell["artifacts"]).name).endswith(f"-{scenario}")}
        return self.artifacts / folder / "observation.json"

    def written(self) -> Iterator[tuple[str, str]]:
        """Everything that a person may get to see, with where it stands."""
        yield "terminal", self.printed
        for file in (path for path in self.folder.rglob("*") if path.is_file()):
            yield str(file.relative_to(self.folder)), file.read_text(errors="replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Running(Call):
    """A call of the program that goes on."""

    @property
    def cluster(self) -> str:
        """The name of the cluster that this run makes."""
        found = _CLUSTER.search(self.printed)
        assert found, self.printed
        return found.group(1)

    def until(self, condition: Callable[[], Any], what: str, seconds: float = 180.0) -> Any:
        """Wait until `condition` gives something, while the program runs."""
        ends = time.monotonic() + seconds
        while not (got := condition()):
            assert self.child.poll() is None, f"it ended before {what}:\n{self.printed}"
            assert time.monotonic() < ends, f"not within {seconds:g} s: {what}:\n{self.printed}"
            time.sleep(0.1)
        return got

    def says(self, text: str) -> None:
        """Wait until the program has printed `text`."""
        self.until(lambda: text in self.printed, f"`{text}`")

    def signal(self, number: signal.Signals) -> None:
        self.child.send_signal(number)

    def ended(self, seconds: float = _LONGEST) -> Result:
        """Wait for its end. One that takes longer is interrupted, so that it cleans up."""
        if not self.has_ended(seconds):
            self.child.send_signal(signal.SIGINT)
            self.child.wait(_CLEANS_UP)
            raise AssertionError(f"not ended within {seconds:g} s:\n{self.printed}")
        return Result(
            words=self.words,
            code=self.child.returncode,
            printed=self.printed,
            seconds=self.seconds,
            folder=self.folder,
        )


@dataclass(frozen=True, kw_only=True)
class Program:
    """The program with a state of its own: it sees no other run of this user, and none of them sees it."""

    docker: Docker
    home: Path
    folders: Folders

    def start(self, verb: str, *words: str | Path, env: Mapping[str, str] | None = None) -> Running:
        """Start `osh-conformance VERB WORDS`; `live` with all its reports in a folder of their own."""
        recipes = {"OSH_CONFORMANCE_RECIPES": str(ROOT / "ci")}
        if verb == "live":
            # Of a tree of charts the default is an overview of the static half.
            words = (*words, "--output-format", "full")
        return Running.start(self.home, verb, *words, cwd=ROOT, env={**recipes, **(env or {})})

    def run(
        self, verb: str, *words: str | Path, env: Mapping[str, str] | None = None, seconds: float = _LONGEST
    ) -> Result:
        """The same, to its end."""
        return self.start(verb, *words, env=env).ended(seconds)

    def left(self, cluster: str) -> list[str]:
        """What is still there of a run: in Docker, among processes and mounts, and in folders."""
        identity = cluster.removeprefix("osh-conformance-")
        names = ["ps", "--all", "--filter", f"name={cluster}", "--format", "container {{.Names}}"]
        networks = ["network", "ls", "--filter", f"name={cluster}", "--format", "network {{.Name}}"]
        found = [*self.docker.lines(*names), *self.docker.lines(*networks), *self.processes()]
        found += [f"folder {path}" for path in (self.folders.runs / identity, *self._litter()) if path.exists()]
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        return found + [f"mount {line}" for line in mounts if identity in line or str(self.home) in line]

    def processes(self) -> list[str]:
        """Processes that descend from a call of this program: they carry its state's place."""
        return [f"process {pid} {words}" for pid, words in carriers(mark_of(self.home)).items()]

    def _litter(self) -> list[Path]:
        return [
            path for folder in (self.home / "tmp", self.folders.scratch) if folder.is_dir() for path in folder.iterdir()
        ]

    def kept(self) -> runs.RunFolder:
        """The run whose cluster was kept."""
        (run,) = [run for run in runs.known(self.folders) if run.kept is not None]
        return run


def new_program(docker: Docker, home: Path) -> Program:
    for name in ("calls", "tmp", "state"):
        (home / name).mkdir()
    cache = default_folders().cache
    return Program(docker=docker, home=home, folders=Folders(cache=cache, state=home / "state" / "osh-conformance"))


def tree(place: Path, names: Sequence[str], *, base: bool = False) -> Path:
    """Write mutants and benign twins of these names into a new folder, and a catalog that says which have tests.

    `base` adds the base as it is.
    """
    place.mkdir()
    for name in names:
        chart(place, name)
    if base:
        chart(place)
    tested = [{"path": name, "helm_test": True} for name in names if has_tests(name)]
    (place / "catalog.yaml").write_text(yaml.safe_dump({"osh_conformance_catalog": 1, "charts": tested}))
    return place


def chart(place: Path, mutant: str | None = None, source: Path | None = None) -> Path:
    """Write a mutant or a benign twin, or the base as it is, below `place`: a chart that holds all that it needs.

    `source` is where its files are, by default those of its name.
    """
    name = mutant or BASE
    target = place / name
    shutil.copytree(LIVE_MUTANTS / "base", target)
    shutil.copytree(ROOT / "charts-under-test" / "library", target / "charts" / "conformance-library")
    if mutant:
        beside = shutil.ignore_patterns("expect.yaml", RECORDED)
        shutil.copytree(source or folder(mutant), target, dirs_exist_ok=True, ignore=beside)
        for file in (target / "Chart.yaml", target / "values.yaml"):
            file.write_text(file.read_text().replace(BASE, mutant))
    return target


def check_findings(result: Result, mutant: str, patterns: Sequence[Mapping[str, str]]) -> None:
    """All that was found in a mutant is what is expected; a pattern that does not say so is of a failure."""
    found = [finding for finding in result.findings(mutant) if finding["status"] in {"fail", "warning"}]
    check_each(found, patterns)
    assert len(found) == len(patterns), found
    # Cells hold what was seen on the cluster; a static rule may see the same fault in the templates.
    failed = {rule for rule, _, status in result.checks(mutant) if status == "fail"}
    wanted = {pattern["rule"] for pattern in patterns if pattern.get("status", "fail") == "fail"}
    assert failed == wanted & set(registry.live_rules())


def check_passed(result: Result, name: str, scenario: str) -> None:
    """Nothing was found in a benign twin, and a live rule has judged its removal."""
    assert result.findings(name) == [], result.printed
    assert statuses(result, name, scenario) <= {"pass", "not-applicable"}, result.printed
    removal = {status for rule, checked, status in result.checks(name) if checked == scenario and rule in _REMOVALS}
    assert removal == {"pass"}, result.printed


def statuses(result: Result, name: str, scenario: str) -> set[str]:
    """What the live rules said of a chart in a scenario."""
    return {status for _, checked, status in result.checks(name) if checked == scenario}
