"""A baseline: what it expects when the tags of a chart are bumped, and what `--write-baseline` says."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from osh_conformance.cli import main
from osh_conformance.config import deviations
from tests.paths import CASES

if TYPE_CHECKING:
    from pathlib import Path

_CLIENT = "quay.io/airshipit/openstack-client:2026.1-ubuntu_noble"
_KEYSTONE = "quay.io/airshipit/keystone:2026.1-ubuntu_noble"
_KEYS = {"bootstrap": _CLIENT, "db_init": _CLIENT, "db_drop": _CLIENT, "keystone_api": _KEYSTONE, "db_sync": _KEYSTONE}
_POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  containers:
    - name: main
      image: {{{{ .Values.images.tags.{key} }}}}
      imagePullPolicy: {{{{ .Values.images.pull_policy }}}}
"""


def _section(references: dict[str, str]) -> str:
    return "images:\n  tags:\n" + "".join(f'    {key}: "{text}"\n' for key, text in references.items())


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart with tags that move, and with overrides: of another release, of the shipped one, of some keys only."""
    folder = tmp_path / "keystone"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: keystone\nversion: 1.0.0\n")
    (folder / "values.yaml").write_text(f"{_section(_KEYS)}  pull_policy: IfNotPresent\n")
    for key in _KEYS:
        (folder / "templates" / f"{key}.yaml").write_text(_POD.format(name=key.replace("_", "-"), key=key))
    overrides = folder / "values_overrides"
    overrides.mkdir()
    some = {key: text for key, text in _KEYS.items() if key not in ("db_drop", "db_sync")}
    (overrides / "shipped.yaml").write_text(_section(_KEYS))
    (overrides / "some.yaml").write_text(_section(some))
    (overrides / "old.yaml").write_text(_section(_KEYS).replace("2026.1", "2025.2"))
    (overrides / "unknown.yaml").write_text(_section({**some, "keystone_bootstrap": _CLIENT}))
    return folder


def _written(chart: Path) -> Path:
    baseline = chart.parent / "baseline.yaml"
    assert main(["check", str(chart), "--write-baseline", str(baseline)]) == 0
    return baseline


def _gate(chart: Path, baseline: Path) -> int:
    """Return the exit code of a run with the baseline in which a stale entry fails."""
    return main(["check", str(chart), "--select", "REF,KEY-1,KEY-3", "--deviations", str(baseline), "--strict"])


def _bump(file: Path) -> None:
    text, count = re.subn(r"(?<=:)20\d\d\.", lambda found: f"{int(found[0].rstrip('.')) + 1}.", file.read_text())
    assert count
    file.write_text(text)


def test_a_baseline_survives_a_bump_of_every_shipped_tag(chart: Path) -> None:
    baseline = _written(chart)
    _bump(chart / "values.yaml")
    assert _gate(chart, baseline) == 0


@pytest.mark.parametrize("key", list(_KEYS))
def test_a_baseline_survives_a_bump_of_one_tag(chart: Path, key: str) -> None:
    baseline = _written(chart)
    values = chart / "values.yaml"
    old = f'{key}: "{_KEYS[key]}"'
    assert old in values.read_text()
    values.write_text(values.read_text().replace(old, old.replace("2026.1", "2026.2")))
    assert _gate(chart, baseline) == 0


def test_a_baseline_survives_a_bump_of_every_tag_in_every_file(chart: Path) -> None:
    baseline = _written(chart)
    for file in (chart / "values.yaml", *(chart / "values_overrides").iterdir()):
        _bump(file)
    assert _gate(chart, baseline) == 0


def test_a_bump_to_the_release_of_an_override_leaves_no_stale_entry(chart: Path) -> None:
    baseline = _written(chart)
    values = chart / "values.yaml"
    values.write_text(values.read_text().replace("2026.1", "2025.2"))
    assert _gate(chart, baseline) == 0


def test_a_finding_about_a_further_key_of_an_override_is_new(chart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = _written(chart)
    old = chart / "values_overrides" / "old.yaml"
    old.write_text(
        old.read_text().replace("db_init:", "cache: quay.io/airshipit/cache:2025.2-ubuntu_noble\n    db_init:")
    )
    assert _gate(chart, baseline) == 1
    assert "images.tags.cache" in capsys.readouterr().out


def test_a_finding_in_a_new_override_is_new(chart: Path) -> None:
    baseline = _written(chart)
    shutil.copy(chart / "values_overrides" / "old.yaml", chart / "values_overrides" / "new.yaml")
    assert _gate(chart, baseline) == 1


def test_an_entry_of_a_fixed_finding_is_stale(chart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = _written(chart)
    (chart / "values_overrides" / "old.yaml").unlink()
    assert _gate(chart, baseline) == 1
    assert "a deviation that matches no finding (values_overrides/old.yaml images.tags.bootstrap)" in (
        capsys.readouterr().out
    )


def test_an_entry_of_shared_keys_expires_for_all_of_them(chart: Path) -> None:
    baseline = _written(chart)
    baseline.write_text(baseline.read_text().replace("  rule: REF-3\n", "  rule: REF-3\n  expires: 2020-01-01\n"))
    _bump(chart / "values.yaml")
    assert _gate(chart, baseline) == 1


def test_baselines_of_all_cases_about_references_survive_a_bump_of_every_tag(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for family in ("ref-1", "ref-3", "key-1", "key-3", "key-4"):
        shutil.copytree(CASES / family, tree / family)
    baseline = tmp_path / "baseline.yaml"
    gate = ["check", str(tree), "--select", "REF,KEY", "--deviations", str(baseline)]
    main(["check", str(tree), "--select", "REF,KEY", "--write-baseline", str(baseline)])
    for file in (each for each in tree.rglob("*.y*ml") if "templates" not in each.parts and each.name != "Chart.yaml"):
        # The number of a release of OpenStack, or the last number of a version.
        text = re.sub(r"(?<=[:-])20\d\d(?=\.\d)", lambda found: str(int(found[0]) + 1), file.read_text())
        file.write_text(re.sub(r"(?<=[: ])(v?\d+\.\d+\.)(\d+)(?=[\s\"'}])", lambda m: f"{m[1]}{int(m[2]) + 1}", text))
    assert main(gate) in (0, 3), "an error of a case that does not render is no finding"
    assert main([*gate, "--json", str(tmp_path / "report.json")]) in (0, 3)
    assert "a deviation that matches no finding" not in (tmp_path / "report.json").read_text()


def test_the_run_says_how_many_entries_it_wrote_and_where(chart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = _written(chart)
    entries = len(deviations.read(baseline))
    err = capsys.readouterr().err
    assert f"wrote {baseline}: {entries} entries ({entries} new, " in err
    assert " of these for what a bump of the shipped tags would bring up" in err
    _written(chart)
    assert f"wrote {baseline}: {entries} entries (0 new, {entries} kept)" in capsys.readouterr().err
    (chart / "values_overrides" / "old.yaml").unlink()
    _written(chart)
    assert " stale removed)" in capsys.readouterr().err


def test_the_run_says_that_it_wrote_no_entry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = tmp_path / "baseline.yaml"
    assert main(["check", str(CASES / "clean" / "flat"), "--write-baseline", str(baseline), "--select", "REF"]) == 0
    assert f"wrote {baseline} without an entry: this run found nothing that fails" in capsys.readouterr().err
    assert deviations.read(baseline) == ()


def test_an_entry_notes_what_was_found_and_does_not_compare_it(chart: Path) -> None:
    baseline = _written(chart)
    assert "2026.1-ubuntu_noble  (`2026.1` is a release series" in baseline.read_text()
    baseline.write_text(re.sub(r"  found: .*\n", "  found: something else\n", baseline.read_text()))
    assert _gate(chart, baseline) == 0


def test_a_baseline_quotes_an_id_that_looks_like_a_number(tmp_path: Path) -> None:
    file = tmp_path / "baseline.yaml"
    entry = deviations.Deviation(rule="REF-3", reason="r", id="1675216e28492695")
    file.write_text(deviations.written([entry]))
    (read,) = deviations.read(file)
    assert read.id == entry.id
