"""Reads the JSON document of a live run again, for pages that are generated from it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping  # noqa: TC003 - read back from JSON by the annotations
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from osh_conformance.errors import UsageError
from osh_conformance.model.result import RemovedData  # noqa: TC001 - the same
from osh_conformance.report.json_document import SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

_EXPECTED = "a document that `osh-conformance live ... --json FILE` wrote"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """The programs of the run. Fields as in the document."""

    name: str
    version: str
    kubernetes: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFinding:
    """A finding of the document; fields as in `Finding`, and `cause` is `Finding.cause_id`."""

    rule: str
    status: str
    chart: str
    cause: str
    path: str = ""
    line: int | None = None
    anchor: str = ""
    key: str = ""
    workload: str = ""
    found: str = ""
    why: str = ""
    fix: str = ""

    @property
    def place(self) -> str:
        """`path:line`, as far as it is known, in the tree of charts."""
        path = self._in_tree(self.path)
        return f"{path}:{self.line}" if self.line else path

    @property
    def template(self) -> str:
        """The chart's own file, also where the finding is in a library's."""
        return self._in_tree(self.anchor or self.path)

    def _in_tree(self, path: str) -> str:
        """Return a path below the tree, also where the chart itself was the PATH argument of the run."""
        own = path == "values.yaml" or path.startswith("templates/")
        return f"{self.chart}/{path}" if own else path.removeprefix("../")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """The outcome of a rule in one scenario on a cell."""

    rule: str
    scenario: str
    status: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenCell:
    """A cell of the document; fields as in `CellReport`."""

    id: str
    chart: str
    flavor: str
    helm: str
    status: str
    reason: str = ""
    seconds: float = 0.0
    reduced: str = ""
    switch: str = ""
    images: tuple[str, ...] = ()
    removed: tuple[RemovedData, ...] = ()
    assertions: tuple[Assertion, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDocument:
    """What pages need of the document of a run."""

    tool: Tool
    target: Mapping[str, Any]
    root: str = ""
    summary: Mapping[str, float]
    findings: tuple[WrittenFinding, ...] = ()
    cells: tuple[WrittenCell, ...] = ()


def read(file: Path) -> RunDocument:
    """Return the document; raises `UsageError` for a file that is no document of a live run with a cell in it."""
    try:
        content = msgspec.json.decode(file.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise UsageError(f"{file} is not JSON: {error}", expected=_EXPECTED) from error
    _check(file, content)
    try:
        document = msgspec.convert(content, RunDocument)
    except msgspec.ValidationError as error:
        raise UsageError(f"{file}: {error}", expected=_EXPECTED) from error
    if not document.cells:
        raise UsageError(f"{file}: the run has no cell, so nothing was installed", expected=_EXPECTED)
    return replace(document, findings=tuple(_below(finding, document) for finding in document.findings))


def _below(finding: WrittenFinding, document: RunDocument) -> WrittenFinding:
    """Return a finding whose paths are relative to the PATH argument of the run, not to its working directory."""
    trees = [posixpath.join(document.root, path) for path in document.target.get("paths", ())]
    whole = posixpath.join(document.root, finding.path)
    tree = next((tree for tree in trees if whole.startswith(f"{tree}/")), trees[0] if trees else "")
    if not tree:
        return finding
    path, anchor = (_relative(each, document.root, tree) for each in (finding.path, finding.anchor))
    return replace(finding, path=path, anchor=anchor)


def _relative(path: str, root: str, tree: str) -> str:
    return posixpath.relpath(posixpath.join(root, path), tree) if path else ""


def _check(file: Path, content: Any) -> None:
    """Raise `UsageError` unless the content is a document of this program, of the schema that this version reads."""
    tool = content.get("tool") if isinstance(content, dict) else None
    if not isinstance(tool, dict) or tool.get("name") != "osh-conformance":
        raise UsageError(f"{file} is not a document of osh-conformance", expected=_EXPECTED)
    if content.get("schema") != SCHEMA:
        raise UsageError(
            f"{file} has schema {content.get('schema')}, and this version of osh-conformance reads schema {SCHEMA}",
            fix="run it again with the version that generates the page",
        )
