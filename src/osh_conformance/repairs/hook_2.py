"""Repairs HOOK-2: a drop Job without a deadline, or with one in quotes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from osh_conformance.manifests.origins import origins
from osh_conformance.model.repair import Repair
from osh_conformance.repairs.problem import UncertainError
from osh_conformance.repairs.registry import repair
from osh_conformance.repairs.shared.template import checked, key_line, may_print, object_of, section_around

if TYPE_CHECKING:
    from osh_conformance.model.chart import Document
    from osh_conformance.model.repair import Edit
    from osh_conformance.repairs.problem import Problem

#: Seconds: what the rule names, below the 300 that `helm uninstall` waits.
_DEADLINE: Final = 240
#: The longest one that the rule accepts.
_LONGEST: Final = 299
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_FIELD: Final = "activeDeadlineSeconds"
_SPEC: Final = re.compile(r"[ ]*spec:[ \t]*(#.*)?")


@repair("HOOK-2")
def with_deadline(problem: Problem) -> Repair:
    """Add `activeDeadlineSeconds: 240` below the `spec:` of a literal Job template that has no deadline.

    Remove the quotes around a literal deadline in bounds. Of another one only the author can say what it should be.
    """
    finding = problem.finding
    document = object_of(problem.chart, finding.workload)
    spec = document.content.get("spec")
    deadline = spec.get(_FIELD) if isinstance(spec, dict) else 0
    edit = _added(problem, document) if deadline is None else _unquoted(problem, document, deadline)
    findings = tuple(other for other in problem.alike if other.workload == finding.workload)
    return Repair(findings=findings, edits=(edit,), objects=True)


def _unquoted(problem: Problem, document: Document, deadline: Any) -> Edit:
    if not isinstance(deadline, str) or not _NUMBER.fullmatch(deadline) or int(deadline) > _LONGEST:
        raise UncertainError("only an author can say which deadline suits")
    origin = origins(problem.chart).of_object(document, _FIELD)
    if origin is None:
        raise UncertainError("the line of the deadline is not certain")
    source = checked(problem, origin.file)
    found = key_line(source.line(origin.line), _FIELD)
    if found is None or found["value"] != deadline or not found["mark"]:
        raise UncertainError("the deadline is no literal text")
    start = source.line_span(origin.line)[0]
    return source.edit(start + found.start("mark"), start + found.end("value") + 1, deadline)


def _added(problem: Problem, document: Document) -> Edit:
    origin = origins(problem.chart).of_object(document, "kind")
    if origin is None:
        raise UncertainError("the place of the Job in the templates is not certain")
    source = checked(problem, origin.file)
    section = section_around(problem.chart, origin.file, origin.line)
    heads = [field for field in section if field.path == ("spec",)]
    inside = [field for field in section if len(field.path) == 2 and field.path[0] == "spec"]  # noqa: PLR2004
    keyed = [field for field in inside if field.key]
    if len(heads) != 1 or not keyed or not _SPEC.fullmatch(source.line(heads[0].line.number)):
        raise UncertainError("the Job has no `spec:` on a line of its own, with its fields below")
    if any(field.key == _FIELD for field in inside) or may_print(problem.chart, inside, _FIELD):
        raise UncertainError("the template may print a deadline under a condition")
    indent = " " * keyed[0].line.column
    return source.inserted_below(heads[0].line.number, f"{indent}{_FIELD}: {_DEADLINE}")
