"""The outputs for reviews: their formats, their limits, and texts of charts that would be obeyed."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import jsonschema
import pytest
from markdown_it import MarkdownIt

from osh_conformance.errors import SuiteError
from osh_conformance.model.event import ClusterOpened
from osh_conformance.model.finding import Status
from osh_conformance.model.result import error_finding
from osh_conformance.plain import plain
from osh_conformance.report import markdown, sarif
from osh_conformance.report.github import GithubReporter
from osh_conformance.report.gitlab import GitlabReporter
from osh_conformance.report.markdown import MarkdownReporter
from osh_conformance.report.review import details, title, to_review
from osh_conformance.report.rule_help import help_for
from osh_conformance.report.sarif import SarifReporter
from osh_conformance.report.zuul import ZuulReporter
from tests.unit.report.hostile import TEXTS, finding, report_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from osh_conformance.model.finding import Finding

_SCHEMAS = Path(__file__).parent / "schemas"
_FILE = Path("unused")
_PAGES = "https://example.org/rules"


def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((_SCHEMAS / name).read_text())
    return schema


# -- what they have in common ------------------------------------------------------------------------------------------


def test_the_worst_findings_come_first_and_expected_ones_are_left_out() -> None:
    statuses = (Status.WARNING, Status.EXPECTED, Status.FAIL, Status.WARNING, Status.FAIL)
    findings = [finding(str(number), status) for number, status in enumerate(statuses)]
    error = error_finding(SuiteError("does not render"), "shop")
    shown = to_review(report_of(findings, [error]))
    assert [each.found for each in shown] == ["2", "4", "does not render", "0", "3"]


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_of_a_chart_is_obeyed_in_a_line(text: str) -> None:
    for line in (title(finding(text)), *details(finding(text), "")):
        assert line.isprintable()
        assert "##[" not in line
        assert len(line) < 600
        line.encode()


def test_a_text_without_secrets_stays_as_it_is() -> None:
    assert plain("docker.io/kolla/keystone:18.0  (größer als 1)") == "docker.io/kolla/keystone:18.0  (größer als 1)"
    assert plain("a\nb\x1b[0m") == r"a\nb\x1b[0m"


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("", "osh-conformance explain REF-2"),
        ("https://example.org/rules", "https://example.org/rules/ref-2.md"),
        ("https://example.org/rules/", "https://example.org/rules/ref-2.md"),
        ("https://example.org/{rule}.html", "https://example.org/ref-2.html"),
    ],
)
def test_the_help_of_a_rule_is_its_page_or_the_command(base: str, expected: str) -> None:
    assert help_for("REF-2", base) == expected


# -- GitHub annotations ------------------------------------------------------------------------------------------------


def _parsed(line: str) -> tuple[str, dict[str, str], str]:
    """Read a workflow command as GitHub's runner does: level, properties and message."""
    assert line.startswith("::")
    command, _, message = line[2:].partition("::")
    level, _, properties = command.partition(" ")
    pairs = (each.split("=", 1) for each in properties.split(",") if each)
    return level, {name: _unescaped(value, ":,") for name, value in pairs}, _unescaped(message)


def _unescaped(text: str, more: str = "") -> str:
    for char in f"\r\n{more}%":
        text = text.replace(f"%{ord(char):02X}", char)
    return text


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("status", [Status.FAIL, Status.WARNING])
def test_an_annotation_comes_back_from_the_runner(text: str, status: Status) -> None:
    each = finding(text, status)
    (line,) = GithubReporter(_FILE).text(report_of([each], rule_pages=_PAGES)).splitlines()
    level, properties, message = _parsed(line)
    assert level == ("warning" if status is Status.WARNING else "error")
    assert properties == {"file": plain(each.path), "line": "3", "title": title(each)}
    assert message.split("\n") == details(each, _PAGES)


def test_an_annotation_without_a_file_or_line_says_so() -> None:
    nowhere = replace(finding("x"), path="", line=None)
    error = error_finding(SuiteError("does not render"), "shop")
    without, unknown, broken = (
        GithubReporter(_FILE).text(report_of(findings, errors))
        for findings, errors in (([nowhere], []), ([finding("x", line=None)], []), ([], [error]))
    )
    assert _parsed(without.strip())[1].keys() == {"title"}
    assert _parsed(unknown.strip())[1]["line"] == "1"
    assert "note: the line is not known" in _parsed(unknown.strip())[2]
    assert _parsed(broken.strip())[1:] == ({"title": "not checked shop"}, "found: does not render")


# -- GitLab ------------------------------------------------------------------------------------------------------------


def test_gitlab_takes_hostile_findings() -> None:
    error = error_finding(SuiteError("does not render"), "shop")
    findings = [*map(finding, TEXTS), *(finding(text, Status.WARNING, rule="REF-3") for text in TEXTS)]
    text = GitlabReporter(_FILE).text(report_of([*findings, replace(findings[0], path="")], [error]))
    entries = json.loads(text)
    jsonschema.validate(entries, _schema("gitlab-code-quality.json"))
    assert len({entry["fingerprint"] for entry in entries}) == len(entries) == 2 * len(TEXTS) + 2
    assert all(entry["description"].isprintable() for entry in entries)
    assert {entry["severity"] for entry in entries} == {"major", "minor", "critical"}


def test_a_fingerprint_stays_when_a_line_moves_and_a_tag_changes() -> None:
    first, second = finding("a"), replace(finding("a"), line=9, found="b")
    marks = [json.loads(GitlabReporter(_FILE).text(report_of([each])))[0]["fingerprint"] for each in (first, second)]
    assert marks[0] == marks[1] == first.id
    both = json.loads(GitlabReporter(_FILE).text(report_of([first, second])))
    assert [entry["fingerprint"] for entry in both] == [first.id, f"{first.id}-2"], "each entry has its own"


# -- Zuul --------------------------------------------------------------------------------------------------------------


def test_zuul_gets_comments_by_file_and_warnings_without_one() -> None:
    error = error_finding(SuiteError("does not render"), "shop")
    failed, warned = finding("a"), finding("a", Status.WARNING, line=None, rule="REF-3")
    data = json.loads(ZuulReporter(_FILE).text(report_of([failed, warned], [error])))["zuul"]
    assert data["file_comments"] == {
        "charts/a/values.yaml": [
            {"line": 3, "level": "error", "message": "\n".join([title(failed), *details(failed, "")])},
            {"line": 1, "level": "warning", "message": "\n".join([title(warned), *details(warned, "")])},
        ]
    }
    assert data["warnings"] == ["not checked shop\nfound: does not render"]


# -- Markdown ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_of_a_chart_is_markup(text: str) -> None:
    hostile, harmless = (
        MarkdownReporter(_FILE).text(report_of([finding(each)], rule_pages=_PAGES)) for each in (text, "plain")
    )
    assert _shape(hostile) == _shape(harmless)
    assert _links(hostile) == [f"{_PAGES}/ref-2.md"] * 2


def _shape(page: str) -> list[str]:
    """Return the elements of a page, and the text that is not code."""
    shape = []
    for token in MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(page):
        shape.append(token.type)
        shape += [f"{each.type} {each.content if each.type == 'text' else ''}" for each in token.children or ()]
    return shape


def _links(page: str) -> list[str]:
    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    children = (each for token in tokens for each in token.children or ())
    return [str(each.attrGet("href")) for each in children if each.type == "link_open"]


def test_a_summary_counts_by_rule_and_shows_the_worst_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "_SHOWN_OF_A_RULE", 2)
    findings = [finding(str(number), Status.WARNING) for number in range(3)]
    shared = [replace(finding(name, rule="REF-3"), shared="one image") for name in ("a", "b", "c")]
    page = MarkdownReporter(_FILE).text(report_of([*findings, *shared, finding("worst", rule="DROP-3")]))
    assert "| `DROP-3` | 1 | 0 | 0 |\n| `REF-3` | 3 | 0 | 0 |\n| `REF-2` | 0 | 0 | 3 |" in page
    assert page.index("- FAIL `DROP-3`") < page.index("- FAIL `REF-3`") < page.index("- WARN `REF-2`")
    assert page.count("- FAIL `REF-3`") == 1
    assert "`a` and 2 more findings of this cause" in page
    assert page.endswith("- and 1 more of `REF-2`\n")


def test_a_summary_names_the_versions_of_a_live_run_as_code() -> None:
    report = report_of([finding("worst")])
    assert "versions" not in MarkdownReporter(_FILE).text(report)
    report.handle(ClusterOpened(kubernetes="v1.37.2", versions={"nodes": "a: <b>", "runtime crun": "1.28"}))
    page = MarkdownReporter(_FILE).text(report)
    assert "\n\nversions: `kubernetes v1.37.2; nodes a: <b>; runtime crun 1.28`\n\n" in page


def test_the_largest_summary_is_smaller_than_github_allows() -> None:
    rules = [f"REF-{number}" for number in range(50)]
    texts = [f"{number} {'`' * 600}" for number in range(10)]
    report = report_of([finding(text, rule=rule) for rule in rules for text in texts], rule_pages=_PAGES)
    page = MarkdownReporter(_FILE).text(report)
    assert 800_000 < len(page.encode()) < 1_000_000
    assert page.endswith("\n\nMore is not shown here: the page has its largest size.\n")


# -- SARIF -------------------------------------------------------------------------------------------------------------


def _sarif(findings: Sequence[Finding], errors: Sequence[Finding] = (), rule_pages: str = "") -> dict[str, Any]:
    log = json.loads(SarifReporter(_FILE).text(report_of(findings, errors, rule_pages)))
    jsonschema.Draft4Validator(_schema("sarif-2.1.0.json")).validate(log)
    (run,) = log["runs"]
    return dict(run)


def test_sarif_takes_hostile_findings() -> None:
    findings = [*map(finding, TEXTS), *(finding(text, Status.WARNING, rule="REF-3") for text in TEXTS)]
    results = _sarif(findings)["results"]
    assert isinstance(results, list)
    assert [result["level"] for result in results] == ["error"] * len(TEXTS) + ["warning"] * len(TEXTS)
    for result, each in zip(results, findings, strict=True):
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uriBaseId"] == "SRCROOT"
        assert place["artifactLocation"]["uri"].isascii()
        assert unquote(place["artifactLocation"]["uri"], errors="surrogateescape") == each.path
        assert place["region"] == {"startLine": 3}
        message = result["message"]["text"]
        assert "](" not in message
        assert all(line.isprintable() for line in message.splitlines())


def test_sarif_describes_each_rule_that_ran() -> None:
    run = _sarif([finding("a"), finding("b", rule="ACME-1")], rule_pages=_PAGES)
    acme, ref_2 = run["tool"]["driver"]["rules"]
    assert acme == {"id": "ACME-1"}, "a rule that is no longer there"
    assert ref_2["id"] == "REF-2"
    assert ref_2["helpUri"] == f"{_PAGES}/ref-2.md"
    for form in ("text", "markdown"):
        assert "db_sync: docker.io/kolla/keystone\n" in ref_2["help"][form], "what breaks it"
        assert "db_sync: docker.io/kolla/keystone:18.0.1\n" in ref_2["help"][form], "what complies"
    assert "```yaml\n" in ref_2["help"]["markdown"]
    results = run["results"]
    assert [(each["ruleId"], each["ruleIndex"]) for each in results] == [("ACME-1", 0), ("REF-2", 1)]


def test_sarif_without_rule_pages_names_the_command() -> None:
    (rule,) = _sarif([finding("a")])["tool"]["driver"]["rules"]
    assert "helpUri" not in rule
    assert rule["help"]["markdown"].endswith("More: `osh-conformance explain REF-2`")


def test_sarif_says_what_could_not_be_checked() -> None:
    run = _sarif([], [error_finding(SuiteError("does not render", fix="repair it"), "shop")])
    assert run["results"] == []
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["exitCode"] == 3
    (note,) = invocation["toolExecutionNotifications"]
    assert note == {
        "level": "error",
        "message": {"text": "not checked shop; found: does not render; fix: repair it"},
    }


def test_sarif_gives_every_result_a_file_and_a_line() -> None:
    nowhere, absolute = replace(finding("shop"), path="", line=None), replace(finding("b"), path="/srv/a b/values.yaml")
    first, second = _sarif([nowhere, absolute])["results"]
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "shop", "uriBaseId": "SRCROOT"},
        "region": {"startLine": 1},
    }
    assert second["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "file:///srv/a%20b/values.yaml"}


def test_sarif_keeps_the_worst_results_where_github_would_refuse_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "_MOST_RESULTS", 3)
    findings = [finding(str(number), Status.WARNING) for number in range(4)]
    run = _sarif([*findings, finding("worst")])
    assert [each["level"] for each in run["results"]] == ["error", "warning", "warning"]
    (invocation,) = run["invocations"]
    assert "2 more results are left out" in invocation["toolExecutionNotifications"][0]["message"]["text"]
    assert invocation["executionSuccessful"] is True


def test_sarif_is_smaller_than_github_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "_MOST_BYTES", 5_000)
    text = SarifReporter(_FILE).text(report_of([finding(f"{number} {hash(str(number))}") for number in range(200)]))
    assert len(gzip.compress(text.encode())) <= 5_000
    assert 10 < len(json.loads(text)["runs"][0]["results"]) < 200


def test_sarif_of_a_removed_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert _sarif([finding("a")])["originalUriBaseIds"] == {"SRCROOT": {}}
