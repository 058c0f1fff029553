"""Repairs HOOK-1: a delete policy with which a failed drop Job, or what it needs, blocks the next uninstall."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.manifests.origins import origins
from osh_conformance.manifests.pods import DELETE_POLICY, HOOK, annotation, words_of
from osh_conformance.model.repair import Repair
from osh_conformance.repairs.problem import UncertainError
from osh_conformance.repairs.registry import repair
from osh_conformance.repairs.shared.template import checked, key_line, may_print, object_of, section_around
from osh_conformance.rules.shared.drop_objects import BEFORE, SUCCEEDED

if TYPE_CHECKING:
    from osh_conformance.model.chart import Document
    from osh_conformance.model.repair import Edit
    from osh_conformance.repairs.problem import Problem

#: The first words of the causes that the delete policy alone repairs.
_CAUSES = ("policy", "killed", "stays")


@repair("HOOK-1")
def with_policy(problem: Problem) -> Repair:
    """Add before-hook-creation and hook-succeeded to a literal delete policy, or the whole annotation below the hook's.

    The policies that the author wrote stay. Of another event, a name that changes and another kind only the author can
    say what was meant.
    """
    if problem.finding.cause.partition(" ")[0] not in _CAUSES:
        raise UncertainError("only the delete policy of a hook has a mechanical repair")
    document = object_of(problem.chart, problem.finding.workload)
    has = annotation(document, DELETE_POLICY) is not None
    edit = _changed(problem, document) if has else _added(problem, document)
    findings = tuple(
        other
        for other in problem.alike
        if other.workload == problem.finding.workload and other.cause.partition(" ")[0] in _CAUSES
    )
    return Repair(findings=findings, edits=(edit,), objects=True)


def _changed(problem: Problem, document: Document) -> Edit:
    origin = origins(problem.chart).of_object(document, DELETE_POLICY)
    if origin is None:
        raise UncertainError("the line of the delete policy is not certain")
    source = checked(problem, origin.file)
    found = key_line(source.line(origin.line), DELETE_POLICY)
    if found is None or not found["value"]:
        raise UncertainError("the delete policy is no literal text")
    words = words_of(found["value"])
    known = {word.lower() for word in words}
    before = () if BEFORE in known else (BEFORE,)
    after = () if SUCCEEDED in known else (SUCCEEDED,)
    start = source.line_span(origin.line)[0]
    new = ",".join((*before, *words, *after))
    return source.edit(start + found.start("value"), start + found.end("value"), new)


def _added(problem: Problem, document: Document) -> Edit:
    origin = origins(problem.chart).of_object(document, HOOK)
    if origin is None:
        raise UncertainError(f"the line of {HOOK} is not certain")
    source = checked(problem, origin.file)
    found = key_line(source.line(origin.line), HOOK)
    if found is None or found["item"] or not found["value"]:
        raise UncertainError(f"{HOOK} is no literal text on a line of its own")
    section = section_around(problem.chart, origin.file, origin.line)
    here = [field for field in section if field.path[:-1] == ("metadata", "annotations")]
    if any(field.key == DELETE_POLICY for field in section) or may_print(problem.chart, here, DELETE_POLICY):
        raise UncertainError("the template may print a delete policy under a condition")
    quote = found["quote"]
    new = f"{found['indent']}{quote}{DELETE_POLICY}{quote}: {BEFORE},{SUCCEEDED}"
    return source.inserted_below(origin.line, new)
