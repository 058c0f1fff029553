"""Charts that need files of one flavor pass in the flavors that have them, and fail in the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from osh_conformance.loading import definitions
from tests.live.axes import FLAVORS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.live.conftest import Kept
    from tests.live.driving import Program, Result

#: Flavors that are built in a minute; the others take half an hour, and a night's run has them.
_QUICK = ("distribution", "minimal")
_EVERY = ("distribution", "kolla", "loci", "minimal", "stackanetes")


def _flavor_file(folder: Path, name: str) -> Path:
    """A flavor file as a chart author writes it, with the images of one of our flavors."""
    shipped = definitions.flavors()[name]
    service = shipped.services["keystone"]
    keys = ("db_init", "db_drop")
    images = {"dep_check": shipped.images["dep_check"]} | {key: shipped.images.get(key, service) for key in keys}
    file = folder / f"{name}.yaml"
    content = {"name": name, "summary": shipped.summary, "tier": str(shipped.tier), "images": images}
    file.write_text(yaml.safe_dump(content))
    return file


def _run(program: Program, folder: Path, mutants: Sequence[str], flavors: Sequence[str]) -> Result:
    tree = FLAVORS.tree(folder, mutants)
    files = [word for flavor in flavors for word in ("--flavor-file", _flavor_file(folder, flavor))]
    return program.run("live", tree, *files, "--scenario", "drop-enabled", "--keep")


@pytest.fixture(scope="module")
def quick(kept: Kept, program: Program, tmp_path_factory: pytest.TempPathFactory) -> Result:
    assert kept
    return _run(program, tmp_path_factory.mktemp("quick"), FLAVORS.mutants(_QUICK), _QUICK)


@pytest.mark.parametrize("mutant", FLAVORS.mutants(_QUICK))
def test_a_mutant_passes_only_in_the_flavors_that_have_what_it_needs(mutant: str, quick: Result) -> None:
    assert quick.code == 1, quick.printed
    FLAVORS.check(quick, mutant, _QUICK)


def test_the_report_names_the_flavors_that_fail(quick: Result) -> None:
    assert "in flavor minimal: exit code 127" in quick.printed
    assert "0, as with flavor distribution" in quick.printed
    assert "FAIL SCRIPT-1  needs-bash" in quick.printed


@pytest.mark.nightly
def test_a_path_of_one_flavor_fails_in_all_but_two(kept: Kept, program: Program, tmp_path: Path) -> None:
    assert kept
    result = _run(program, tmp_path, ["needs-kolla-venv"], _EVERY)
    assert result.code == 1, result.printed
    FLAVORS.check(result, "needs-kolla-venv", _EVERY)


def test_a_flavor_file_with_an_unknown_key_is_a_usage_error(program: Program, base: Path, tmp_path: Path) -> None:
    file = _flavor_file(tmp_path, "distribution")
    content = yaml.safe_load(file.read_text())
    content["images"]["db_drpo"] = content["images"].pop("db_drop")
    file.write_text(yaml.safe_dump(content))
    result = program.run("live", base, "--flavor-file", file)
    assert result.code == 4, result.printed
    assert "images.db_drpo: no such image key in mutant-base: did you mean `db_drop`?" in result.printed


def test_a_flavor_file_without_a_needed_key_is_an_error_of_its_cell(
    kept: Kept, program: Program, base: Path, tmp_path: Path
) -> None:
    assert kept
    file = _flavor_file(tmp_path, "distribution")
    content = yaml.safe_load(file.read_text())
    del content["images"]["db_init"]
    file.write_text(yaml.safe_dump(content))
    result = program.run("live", base, "--flavor-file", file, "--scenario", "drop-enabled")
    assert result.code == 3, result.printed
    assert "the flavor distribution has no image for db_init of chart mutant-base" in result.printed


def test_an_image_without_python3_is_an_error_of_its_cell_alone(
    kept: Kept, program: Program, base: Path, tmp_path: Path
) -> None:
    assert kept
    lacking, whole = _flavor_file(tmp_path, "minimal"), _flavor_file(tmp_path, "distribution")
    content = yaml.safe_load(lacking.read_text())
    # A static program is all of it.
    content["images"]["db_init"] = content["images"]["dep_check"]
    lacking.write_text(yaml.safe_dump(content))
    words = ("--flavor-file", lacking, "--flavor-file", whole, "--scenario", "drop-enabled")
    result = program.run("live", base, *words)
    assert result.code == 3, result.printed
    assert "kubernetes-entrypoint:v1.0.0 lacks /bin/sh" in result.printed
    assert {c["flavor"]: c["status"] for c in result.document["cells"]} == {"minimal": "error", "distribution": "pass"}
