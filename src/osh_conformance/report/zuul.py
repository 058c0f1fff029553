"""What a job returns to Zuul: comments at the lines of a change in Gerrit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from osh_conformance.model.finding import Finding, Status
from osh_conformance.plain import plain
from osh_conformance.report import review
from osh_conformance.report.base import FileReporter, line_of, register

if TYPE_CHECKING:
    from osh_conformance.report.result import RunReport


@register
class ZuulReporter(FileReporter):
    """Writes the data for `zuul_return`: a comment for each finding in a file, a warning for each other one."""

    option = "zuul"
    help = "write the data that a job gives to zuul_return: comments at the lines of a change"

    def text(self, report: RunReport) -> str:
        """Return the data as JSON."""
        comments: dict[str, list[dict[str, Any]]] = {}
        warnings = []
        for finding in review.to_review(report):
            message = "\n".join([review.title(finding), *review.details(finding, report.rule_pages)])
            if finding.path:
                comments.setdefault(plain(finding.path), []).append(_comment(finding, message))
            else:
                warnings.append(message)
        return json.dumps({"zuul": {"file_comments": comments, "warnings": warnings}}, indent=2) + "\n"


def _comment(finding: Finding, message: str) -> dict[str, Any]:
    level = "warning" if finding.status is Status.WARNING else "error"
    return {"line": line_of(finding)[0], "level": level, "message": message}
