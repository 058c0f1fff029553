"""The JSON document of a run; `data/report.schema.json` describes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from osh_conformance import __version__, here
from osh_conformance.model.finding import Finding, Severity, Status
from osh_conformance.report.base import FileReporter, register
from osh_conformance.report.rule_help import help_for

if TYPE_CHECKING:
    from osh_conformance.model.result import CellReport, ChartCoverage, Fates, RemovedData
    from osh_conformance.report.result import RunReport

SCHEMA = 2


@register
class JsonReporter(FileReporter):
    """Writes everything that the run found as one JSON document."""

    option = "json"
    help = "write the whole report as one JSON document, even if the run fails"

    def text(self, report: RunReport) -> str:
        """Return the document."""
        # Azure obeys `##vso[` anywhere in a log, and the document may be printed into one.
        return json.dumps(build(report), indent=2).replace("##", r"#\u0023") + "\n"


def build(run: RunReport) -> dict[str, Any]:
    """Return the document of a run."""
    return {
        "schema": SCHEMA,
        "tool": {
            "name": "osh-conformance",
            "version": __version__,
            "helm": run.helm,
            "kubernetes": run.kubernetes,
            "versions": dict(run.versions),
        },
        "root": here.root(),
        "target": dict(run.target),
        "shard": run.shard,
        "summary": _summary(run),
        "findings": [_finding(finding, run) for finding in (*run.findings, *_undecided(run))],
        "charts": [_chart(each) for each in run.coverage.values()],
        "cells": [_cell(cell, run) for cell in run.cells],
    }


def _summary(run: RunReport) -> dict[str, Any]:
    counted = (Status.PASS, Status.FAIL, Status.EXPECTED, Status.WARNING, Status.UNDECIDED, Status.NOT_APPLICABLE)
    return {
        "charts": run.charts,
        "checks": len(run.checks),
        **{status.value.replace("-", "_"): run.count(status) for status in counted},
        "error": run.count(Status.ERROR),
        "containers": run.containers,
        "never_rendered": run.never_rendered,
        "seconds": round(run.seconds or 0.0, 3),
    }


def _chart(coverage: ChartCoverage) -> dict[str, Any]:
    return {
        "chart": coverage.chart,
        "containers": coverage.containers,
        "templates": coverage.templates,
        "never_rendered": [
            {"template": each.template, "guard": each.guard, "line": each.line} for each in coverage.never_rendered
        ],
        "notices": list(coverage.notices),
    }


def _undecided(run: RunReport) -> list[Finding]:
    """Return each undecided check as a finding. Those of cells are in the cells' assertions."""
    return [
        Finding(
            rule=check.rule,
            chart=check.chart,
            severity=Severity.WARNING,
            status=Status.UNDECIDED,
            found=check.reason,
            expected="evidence for a verdict",
            why="",
            fix="",
        )
        for check in run.checks
        if check.status is Status.UNDECIDED and not check.findings and not check.cell
    ]


def _finding(finding: Finding, run: RunReport) -> dict[str, Any]:
    return {
        "id": finding.id,
        "rule": finding.rule,
        "severity": finding.severity.value,
        "status": finding.status.value,
        "chart": finding.chart,
        "cause": finding.cause_id,
        "path": finding.path,
        "line": finding.line,
        "key": finding.key,
        "workload": finding.workload,
        "container": finding.container,
        "anchor": finding.anchor,
        "containers": list(finding.containers),
        "found": finding.found,
        "expected": finding.expected,
        "why": finding.why,
        "fix": finding.fix,
        "reason": finding.reason,
        "reproduce": finding.reproduce,
        "help": help_for(finding.rule, run.rule_pages),
    }


def _cell(cell: CellReport, run: RunReport) -> dict[str, Any]:
    assertions = [
        {
            "rule": check.rule,
            "scenario": check.scenario,
            "status": check.status.value,
            "seconds": round(check.seconds, 3),
            "message": check.reason or "; ".join(finding.found for finding in check.findings),
        }
        for check in run.checks
        if check.cell == cell.id
    ]
    return {
        "id": cell.id,
        "chart": cell.chart,
        "flavor": cell.flavor,
        "origin": cell.origin,
        "format": cell.packaging_format,
        "runtime": cell.runtime,
        "helm": str(cell.helm_major),
        "status": cell.status,
        "reason": cell.reason,
        "proof": cell.proof,
        "seconds": round(cell.seconds, 3),
        "artifacts": cell.artifacts,
        "reduced": cell.reduced,
        "switch": cell.switch,
        "images": list(cell.images),
        "removed": [_removed(removed) for removed in cell.removed],
        "usage": {scenario: [dict(numbers) for numbers in all_of] for scenario, all_of in cell.usage.items()},
        "assertions": assertions,
    }


def _removed(removed: RemovedData) -> dict[str, Any]:
    return {
        "scenario": removed.scenario,
        "release": removed.release,
        "expected": removed.expected,
        "databases": _fates(removed.databases),
        "accounts": _fates(removed.accounts),
        "roles": _fates(removed.roles),
        "tables": removed.tables,
        "rows": removed.rows,
        "suite_tables": removed.suite_tables,
        "log": dict(removed.log),
        "code": removed.code,
        "seconds": removed.seconds,
        "output": removed.output,
        "repeated_failure": removed.repeated_failure,
        "with_image": removed.with_image,
    }


def _fates(fates: Fates) -> dict[str, list[str]]:
    return {
        "dropped": list(fates.dropped),
        "kept": list(fates.kept),
        "left": list(fates.left),
        "gone": list(fates.gone),
    }
