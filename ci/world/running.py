"""Running the rows, and judging them."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ci.world import daemons, journal, layout
from ci.world.daemons import Engine
from ci.world.publishing import internet
from ci.world.rows import Row, Step
from ci.world.session import give
from ci.world.user import PlainUser
from osh_conformance import process
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ci.world.session import Session
    from ci.world.things import Things
    from osh_conformance.progress import Progress

#: Where the output of failing rows goes.
KEPT = Path("reports") / "world"
_SOCKET = "/run/user/imitation.sock"
_VENV = f"{layout.HOME}/venv/bin"
#: An image that was pulled by its digest has no name either, but a digest.
_LEFTOVERS = """
docker ps --all --format 'container {{.Names}}'
docker images --filter dangling=true --digests --format '{{.Digest}} image without a name: {{.ID}}' | grep '^<none>'
docker network ls --filter type=custom --format 'network {{.Name}}' | grep -vx 'network kind'
find /tmp /run/user /etc -xdev -uid "$1"
ps -o args= -u "$1"
true
"""


@dataclass(slots=True, kw_only=True)
class Result:
    """What a row came to."""

    row: Row
    seconds: float = 0
    problems: list[str] = field(default_factory=list)
    #: The seconds of each step.
    steps: list[float] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything was as expected."""
        return not self.problems


@dataclass(slots=True, kw_only=True)
class Runner:
    """Runs rows in one world."""

    session: Session
    progress: Progress
    things: Things
    results: list[Result] = field(default_factory=list)

    def run(self, row: Row) -> Result:
        """Run one row; what it changes in the world is undone."""
        result = Result(row=row)
        log = self.session.world.folder / "log" / f"row-{row.name}.txt"
        started = time.monotonic()
        offset = 0
        try:
            self._prepare(row)
            offset = self.session.world.journal.stat().st_size
            before = self._leftovers()
            started = time.monotonic()
            for step in self._steps(row):
                result.problems += self._step(row, step, log, result)
            result.problems += self._what_is_left(before)
        except SuiteError as error:
            result.problems.append(str(error))
        result.seconds = time.monotonic() - started
        result.problems += self._journal_problems(row, offset)
        try:
            self._undo(row)
        except SuiteError as error:
            result.problems.append(f"afterwards: {error}")
        if not result.ok:
            self._keep(row, log, offset, result)
        self.results.append(result)
        return result

    def _prepare(self, row: Row) -> None:
        self.session.switch()
        self.session.run_engine(Engine())
        self.things.release(row.needs)
        for need in row.needs:
            self.things.provide(need)
        settings = {name: self._text(value) if isinstance(value, str) else value for name, value in row.daemon.items()}
        variables = {name: self._text(value) for name, value in row.daemon_environment.items()}
        self.session.run_engine(Engine(settings=settings, environment=variables, disk=row.disk))
        if row.imitation:
            daemons.start_imitation(self.session.world, self.session.program, row.imitation, _SOCKET)
        for name, content in row.files.items():
            file = self.session.world.home / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self._text(content))
            give(self.session.world.home / Path(name).parts[0])
        (self.session.world.home / "empty").mkdir(exist_ok=True)
        give(self.session.world.home / "empty")
        self.session.switch(*row.faults)

    def _undo(self, row: Row) -> None:
        self.session.switch()
        for name in row.files:
            (self.session.world.home / name).unlink(missing_ok=True)
        if row.imitation:
            daemons.as_root(self.session.world, "rm", "-f", _SOCKET)
        self.session.run_engine(Engine())
        shutil.rmtree(self.session.world.home / "empty", ignore_errors=True)

    def _steps(self, row: Row) -> Sequence[Step]:
        if row.ready is None:
            return row.steps
        folder = row.steps[0].folder if row.steps else "empty"
        doctor = Step(run=f"osh-conformance doctor {row.doctor}", within=row.doctor_within, folder=folder)
        word = (r"(?m)^Ready",)
        return (replace(doctor, says=word) if row.ready else replace(doctor, code=3, lacks=word), *row.steps)

    def _step(self, row: Row, step: Step, log: Path, result: Result) -> list[str]:
        variables = {name: self._text(value) for name, value in row.environment.items()}
        user = PlainUser(
            world=self.session.world,
            environment=variables,
            programs=row.programs,
            docker_group=row.docker_group,
            path=(_VENV,) if "package" in row.needs or "images" in row.needs else (),
        )
        script = self._text(step.run)
        try:
            outcome = user.run(script, folder=step.folder or "empty", deadline=row.minutes * 60)
        except process.DeadlineError as error:
            outcome = error.outcome
        printed = outcome.stdout + outcome.stderr
        with log.open("a") as file:
            file.write(f"$ {script}\n{printed}\n[exit code {outcome.code}, {outcome.seconds:.1f} s]\n\n")
        result.steps.append(outcome.seconds)
        found = []
        if outcome.code != step.code:
            found.append(f"exit code {outcome.code}, expected {step.code}")
        found += [f"does not say {words}" for words in step.says if not re.search(self._text(words), printed)]
        found += [f"says {words}" for words in step.lacks if re.search(self._text(words), printed)]
        found += (
            ["prints a password"]
            if any(word in printed and word not in script for word in internet().accounts.values())
            else []
        )
        found += ["prints a traceback"] if "Traceback (most recent call last)" in printed else []
        if step.within and outcome.seconds > step.within:
            found.append(f"took {outcome.seconds:.1f} s, expected at most {step.within:g} s")
        return [f"`{script}`: {each}" for each in found]

    def _text(self, text: str) -> str:
        """Fill in what differs from world to world."""
        world = self.session.world
        values = {"PROXY": world.proxy, "NODE": world.node, "SOCKET": _SOCKET, "NETWORK": world.network}
        values |= {group.upper(): address for group, address in self.session.groups.items()}
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        return text

    def _journal_problems(self, row: Row, offset: int) -> list[str]:
        entries = journal.read(self.session.world.journal, offset)
        found = [*journal.asks_for_ours(entries), *journal.stray_credentials(entries, internet().hosts)]
        found += [f"nobody asked {each}" for each in row.asked if not journal.asked(entries, each)]
        found += [
            f"{each} was asked: {journal.asked(entries, each)[0]}"
            for each in row.not_asked
            if journal.asked(entries, each)
        ]
        return found

    def _leftovers(self) -> set[str]:
        """Return what must not change: containers, dangling images, processes, and files outside HOME."""
        outcome = daemons.as_root(self.session.world, "sh", "-c", _LEFTOVERS, "sh", str(layout.UID))
        return set(outcome.stdout.splitlines())

    def _what_is_left(self, before: set[str]) -> list[str]:
        # A process may need a moment to end.
        ends = time.monotonic() + 5
        while left := self._leftovers() - before:
            if time.monotonic() > ends:
                break
        return [f"left: {line}" for line in sorted(left)]

    def _keep(self, row: Row, log: Path, offset: int, result: Result) -> None:
        folder = KEPT / row.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "problems.txt").write_text("\n".join(result.problems) + "\n")
        if log.exists():
            shutil.copy(log, folder / "output.txt")
        entries = journal.read(self.session.world.journal, offset)
        (folder / "requests.txt").write_text("".join(f"{entry}\n" for entry in entries))
        for name in ("dockerd", "registries", "init"):
            (folder / f"{name}.txt").write_text(daemons.tail(self.session.world, name))


def table(results: Sequence[Result]) -> str:
    """Return the rows as a table, the problems of failing ones below it."""
    width = max(len(result.row.name) for result in results)
    lines = [f"{'row':<{width}}  {'seconds':>7}  result  what it stands for"]
    for result in results:
        word = "pass" if result.ok else "FAIL"
        lines.append(f"{result.row.name:<{width}}  {result.seconds:>7.1f}  {word:<6}  {result.row.about}")
    for result in results:
        if not result.ok:
            lines += [
                "",
                f"FAIL {result.row.name}: {KEPT / result.row.name}",
                *(f"  {each}" for each in result.problems),
            ]
    failed = sum(not result.ok for result in results)
    total = sum(result.seconds for result in results)
    lines += ["", f"{failed} failed, {len(results) - failed} passed in {total:.0f} s"]
    return "\n".join(lines)
