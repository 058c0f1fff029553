"""The attempts of a container that is restarted, or whose Job makes new pods: how each ended, and its last line."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from osh_conformance.manifests.vocabulary import words
from osh_conformance.model.observation import not_started
from osh_conformance.observe.pod_status import workload_of
from osh_conformance.observe.watch import NO_LOG

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from osh_conformance.observe.pod_status import Object
    from osh_conformance.observe.watch import NamespaceWatch

#: So many attempts that end in the same way show that the next one will too.
ENOUGH = 3
#: The time at the beginning of a line of a log, which differs where the rest is the same.
_TIME = re.compile(r"^[\[(]?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:?\d\d)?[\])]?[\s:-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt of a container, which ended.

    - code: its exit code.
    - started, finished: RFC 3339, to the second.
    - line: the last line that it printed, without the time before it; "" if it printed none, or it is not read yet. Of
      a container whose program did not start, the last line of the CRI's message.
    """

    code: int
    started: str
    finished: str
    line: str

    def repeats(self, earlier: Attempt) -> bool:
        """Whether it began after an earlier attempt, and ended as that one did."""
        return self.started >= earlier.finished and (self.code, self.line) == (earlier.code, earlier.line)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedFailure:
    """A container that failed several times in the same way.

    - workload, name: `Kind/name` of its workload, and its own name.
    - code, line: the exit code and the last line that these attempts have in common.
    - attempts: all its attempts so far.
    """

    workload: str
    name: str
    code: int
    line: str
    attempts: int

    @property
    def words(self) -> str:
        """The container and its exit code, for messages."""
        return f"{self.workload} {self.name}, exit code {self.code}"


def repeated_failure(watch: NamespaceWatch, pods: Iterable[Object]) -> RepeatedFailure | None:
    """Return a container of these pods whose latest attempts all failed in the same way; None if there is none.

    Pods of the same workload have the same containers. Init containers do not count: they wait for others. Neither does
    one that printed nothing, or whose last line speaks of a connection, as the vocabulary `connecting` has it.
    """
    for (workload, name), attempts in _attempts(watch, pods).items():
        latest = attempts[-ENOUGH:]
        last = latest[-1]
        alike = len(latest) == ENOUGH and all(later.repeats(earlier) for earlier, later in pairwise(latest))
        if alike and last.code and last.line and not speaks_of_connecting(last.line):
            return RepeatedFailure(workload=workload, name=name, code=last.code, line=last.line, attempts=len(attempts))
    return None


def _attempts(watch: NamespaceWatch, pods: Iterable[Object]) -> dict[tuple[str, str], Sequence[Attempt]]:
    """Return the attempts that ended, in order, by workload and name of the container."""
    found: dict[tuple[str, str], list[Attempt]] = defaultdict(list)
    for pod in pods:
        for status in pod.get("status", {}).get("containerStatuses", ()):
            for number in range(status.get("restartCount", 0) + 1):
                key = f"{pod['metadata']['name']} {status['name']} {number}"
                if ended := watch.ends.get(key):
                    attempt = _attempt(ended, watch.logs.get(key, ""))
                    found[workload_of(pod), status["name"]].append(attempt)
    return {container: sorted(attempts, key=lambda each: each.started) for container, attempts in found.items()}


def _attempt(ended: Object, log: str) -> Attempt:
    if not_started(ended.get("reason") or ""):
        # Such an end has no time of a start.
        moment = ended.get("finishedAt") or ""
        line = last_line(ended.get("message") or "")
        return Attempt(code=ended.get("exitCode", 0), started=moment, finished=moment, line=line)
    return Attempt(
        code=ended.get("exitCode", 0),
        started=ended.get("startedAt") or "",
        finished=ended.get("finishedAt") or "",
        line="" if log.startswith(NO_LOG) else last_line(log),
    )


def last_line(log: str) -> str:
    """Return the last line of a log that says something, without the time before it; "" if there is none."""
    notes = tuple(words("connecting")["after_errors"])
    lines = (line.strip() for line in reversed(log.splitlines()))
    return _TIME.sub("", next((line for line in lines if line and not line.startswith(notes)), ""))


def speaks_of_connecting(line: str) -> bool:
    """Whether a line speaks of a server that cannot be reached, or of waiting: the next attempt may succeed."""
    vocabulary, lower = words("connecting"), line.lower()
    codes = "|".join(str(code) for code in vocabulary["codes"])
    return any(word in lower for word in vocabulary["words"]) or bool(re.search(rf"\b({codes})\b", line))
