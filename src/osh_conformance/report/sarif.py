"""SARIF 2.1.0, the format of GitHub's code scanning, of editors and of other programs that collect findings."""

from __future__ import annotations

import gzip
import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from osh_conformance import __version__
from osh_conformance.model.finding import Finding, Status
from osh_conformance.report import review
from osh_conformance.report.base import FileReporter, register
from osh_conformance.report.markup import fenced
from osh_conformance.report.rule_help import help_for, page_address
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from osh_conformance.model.rule import Rule
    from osh_conformance.report.result import RunReport

#: GitHub refuses a run with more results, and a file that is larger when packed. It shows the first 5000 by severity.
_MOST_RESULTS = 25_000
_MOST_BYTES = 10_000_000
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
#: The name of the folder to which the paths are relative.
_ROOT = "SRCROOT"
_LEVELS = {Status.FAIL: "error", Status.WARNING: "warning"}


@register
class SarifReporter(FileReporter):
    """Writes one run: the rules with their help, and a result for each finding, the worst first."""

    option = "sarif"
    help = "write SARIF, such as for GitHub's code scanning"

    def text(self, report: RunReport) -> str:
        """Return the log as JSON, with no more results than GitHub takes."""
        findings = [finding for finding in review.to_review(report) if finding.status in _LEVELS]
        shown = findings[:_MOST_RESULTS]
        while not _fits(text := _text(report, shown, len(findings) - len(shown))) and shown:
            shown = shown[: len(shown) // 2]
        return text


def _text(report: RunReport, findings: Sequence[Finding], left_out: int) -> str:
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(report, findings, left_out)]}) + "\n"


def _fits(text: str) -> bool:
    return len(text) <= _MOST_BYTES or len(gzip.compress(text.encode())) <= _MOST_BYTES


def _run(report: RunReport, findings: Sequence[Finding], left_out: int) -> dict[str, Any]:
    names = sorted({check.rule for check in report.checks} | {finding.rule for finding in findings})
    numbers = {name: number for number, name in enumerate(names)}
    known = registry.all_rules()
    marks = review.fingerprints(findings)
    # A template of addresses is no address.
    about = {"informationUri": report.rule_pages} if report.rule_pages and "{" not in report.rule_pages else {}
    return {
        "tool": {
            "driver": {
                "name": "osh-conformance",
                "semanticVersion": __version__,
                **about,
                "rules": [_descriptor(name, known.get(name), report.rule_pages) for name in names],
            }
        },
        "automationDetails": {"id": f"osh-conformance/{report.target.get('verb', '')}/"},
        "invocations": [_invocation(report, left_out)],
        "originalUriBaseIds": {_ROOT: _working_directory()},
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(finding, mark, numbers[finding.rule], report.rule_pages)
            for finding, mark in zip(findings, marks, strict=True)
        ],
    }


def _working_directory() -> dict[str, str]:
    """Return its address; nothing if it has been removed."""
    try:
        return {"uri": f"{Path.cwd().as_uri().rstrip('/')}/"}
    except OSError:
        return {}


def _descriptor(name: str, rule: Rule | None, rule_pages: str) -> dict[str, Any]:
    """Describe a rule, as far as it is known: a finding about a baseline may name a rule that is no longer there."""
    descriptor: dict[str, Any] = {"id": name}
    if rule is None:
        return descriptor
    descriptor |= {
        "shortDescription": {"text": _sentence(rule.title)},
        "fullDescription": {"text": _sentence(f"{rule.title}: {rule.why}")},
        "help": {"text": _help(rule, rule_pages), "markdown": _help_in_markdown(rule, rule_pages)},
        "properties": {"tags": [rule.family]},
    }
    if address := page_address(name, rule_pages):
        descriptor["helpUri"] = address
    return descriptor


def _help(rule: Rule, rule_pages: str) -> str:
    parts = [f"Why: {_sentence(rule.why)}", f"Fix: {_sentence(rule.fix)}"]
    parts += [f"{title}:\n{example.rstrip()}" for title, example in _examples(rule)]
    parts += [f"It does not look at: {_sentence(rule.blind)}"] if rule.blind else []
    return "\n\n".join([*parts, f"More: {help_for(rule.id, rule_pages)}"])


def _help_in_markdown(rule: Rule, rule_pages: str) -> str:
    parts = [f"**Why**: {_sentence(rule.why)}", f"**Fix**: {_sentence(rule.fix)}"]
    parts += [f"{title}:\n\n{fenced(example, 'yaml')}" for title, example in _examples(rule)]
    parts += [f"**It does not look at**: {_sentence(rule.blind)}"] if rule.blind else []
    address = page_address(rule.id, rule_pages)
    return "\n\n".join([*parts, f"More: <{address}>" if address else f"More: `{help_for(rule.id, '')}`"])


def _examples(rule: Rule) -> Iterable[tuple[str, str]]:
    return ((title, example) for title, example in (("Before", rule.before), ("After", rule.after)) if example)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _invocation(report: RunReport, left_out: int) -> dict[str, Any]:
    """Say whether the run came to its end, and what could not be checked."""
    errors = [finding for finding in review.to_review(report) if finding.status is Status.ERROR]
    notes = [_notification("error", "; ".join([review.title(each), *review.details(each, "")])) for each in errors]
    if left_out:
        notes.append(_notification("warning", f"{left_out} more results are left out: a log has a largest size."))
    return {
        "executionSuccessful": not errors and not report.interrupted,
        "exitCode": int(report.exit_code),
        "toolExecutionNotifications": notes,
    }


def _notification(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": text}}


def _result(finding: Finding, fingerprint: str, number: int, rule_pages: str) -> dict[str, Any]:
    return {
        "ruleId": finding.rule,
        "ruleIndex": number,
        "level": _LEVELS[finding.status],
        "message": {"text": _no_link("\n".join([review.title(finding), *review.details(finding, rule_pages)]))},
        "locations": [_location(finding)],
        # GitHub's upload adds `primaryLocationLineHash`, and complains of one that is not its own.
        "partialFingerprints": {"oshConformance/v1": fingerprint},
    }


def _location(finding: Finding) -> dict[str, Any]:
    path, line = review.place_of(finding)
    # Bytes of a file name that are no UTF-8 arrive as surrogates.
    uri = quote(path, errors="surrogateescape")
    absolute = PurePosixPath(path).is_absolute()
    artifact = {"uri": f"file://{uri}"} if absolute else {"uri": uri, "uriBaseId": _ROOT}
    names = filter(None, (finding.chart, finding.key, finding.workload, finding.container))
    return {
        "physicalLocation": {"artifactLocation": artifact, "region": {"startLine": line}},
        "logicalLocations": [{"fullyQualifiedName": review.short("/".join(names))}],
    }


def _no_link(text: str) -> str:
    """Return a message in which no reader finds a link: SARIF has them in plain text too, as `[text](address)`."""
    return text.replace("](", "] (")
