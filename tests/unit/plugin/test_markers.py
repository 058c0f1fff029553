"""The rules that a test of the suites stands for."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.loading.search import suite_folder
from osh_conformance.plugin.markers import OTHERS, rules_of_test
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from pathlib import Path

_KNOWN = ("ACME-1", "REF-1", "REF-2")


def _test(*names: str) -> Any:
    mark = SimpleNamespace(args=names) if names else None
    return SimpleNamespace(get_closest_marker=lambda _name: mark)


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "test_images.py").write_text('@pytest.mark.rules("REF-1")\ndef test_images(verdict): ...\n')
    (tmp_path / "test_other_rules.py").write_text('@pytest.mark.rules("*")\ndef test_other_rules(verdict): ...\n')
    return tmp_path


def test_a_test_stands_for_the_known_rules_of_its_marker(suite: Path) -> None:
    assert rules_of_test(_test("REF-2", "NO-1", "REF-1"), "rules", suite, _KNOWN) == ("REF-2", "REF-1")
    assert rules_of_test(_test(), "rules", suite, _KNOWN) == ()


def test_the_others_are_the_rules_that_no_module_names(suite: Path) -> None:
    assert rules_of_test(_test(OTHERS), "rules", suite, _KNOWN) == ("ACME-1", "REF-2")
    assert rules_of_test(_test(OTHERS), "live_rules", suite, _KNOWN) == _KNOWN


@pytest.mark.parametrize(
    ("marker", "folder", "known"),
    [
        ("rules", "static", registry.static_rules()),
        ("live_rules", "live", {**registry.live_rules(), **registry.matrix_rules()}),
    ],
)
def test_each_rule_of_the_package_belongs_to_exactly_one_test_of_its_suite(
    marker: str, folder: str, known: Any
) -> None:
    suite = suite_folder(folder)
    texts = [file.read_text() for file in sorted(suite.glob("test_*.py"))]
    names = re.findall(r'"([^"]+)"', " ".join(re.findall(rf"mark\.{marker}\(([^)]*)\)", "\n".join(texts))))
    assert names.count(OTHERS) == 1
    covered = [*(name for name in names if name != OTHERS), *rules_of_test(_test(OTHERS), marker, suite, known)]
    assert sorted(covered) == sorted(known)
