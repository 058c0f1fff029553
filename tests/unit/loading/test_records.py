"""Data files, read into records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.errors import UsageError
from osh_conformance.loading import records
from osh_conformance.model.matrix import ContainerRuntime, Flavor

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\nsummary: z\nimagse: {}\n", "`imagse`.*`images`"),
        ("name: x\n", "`summary`"),
        ("name: x\nsummary: z\nimages: [a]\n", "`object`.*`array`"),
    ],
)
def test_a_wrong_flavor_file_is_a_usage_error_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "flavor.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        records.load(Flavor, file)
    assert str(file) in str(caught.value)


def _runtime(folder: Path, line: str) -> ContainerRuntime:
    file = folder / "toy.yaml"
    file.write_text(f"name: toy\nsummary: s\ncri: containerd\n{line}\n")
    return records.load(ContainerRuntime, file)


@pytest.mark.parametrize("patience", ["0", "-2", "0.5", "1e300", "101"])
def test_a_number_outside_its_limits_is_a_usage_error_with_its_place(tmp_path: Path, patience: str) -> None:
    with pytest.raises(
        UsageError, match=rf"toy.yaml:4: `patience` is {float(patience):g}".replace("+", r"\+")
    ) as caught:
        _runtime(tmp_path, f"patience: {patience}")
    assert caught.value.expected == "a number from 1 to 100"


@pytest.mark.parametrize("patience", ["1", "2.5", "100"])
def test_a_number_within_its_limits_is_taken(tmp_path: Path, patience: str) -> None:
    assert _runtime(tmp_path, f"patience: {patience}").patience == float(patience)


@pytest.mark.parametrize("wrong", ["true", "fast", "[1]"])
def test_a_value_of_another_type_is_left_to_the_check_of_types(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(UsageError, match=r"toy.yaml:4: `patience`: expected `float`, got"):
        _runtime(tmp_path, f"patience: {wrong}")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "state.json",  # the name alone, as older files have it
        "{container}",
        "/{container}/state",  # everything in the node
        "-delete{container}",
        "run/{container}/state",
        "/run/toy/state",
        "/run/toy/{container",
        "/run/toy/{id}",
        "/run/*/{container}/state",
        "/run/{container}/{container}",
        "/run/toy/{container}/deeper/state",
        "/run/toy/{container}/",
    ],
)
def test_a_path_of_a_state_file_that_cannot_be_searched_is_a_usage_error(tmp_path: Path, path: str) -> None:
    with pytest.raises(UsageError) as caught:
        _runtime(tmp_path, f"state:\n  - /run/toy/{{container}}\n  - '{path}'")
    assert f"toy.yaml:6: `state[1]` is `{path}`" in caught.value.message
    assert "{container}" in caught.value.expected


@pytest.mark.parametrize(
    "path", ["/run/toy/{container}", "/run/t/pod-{container}_*.state", "/run/toy/{container}/*.json"]
)
def test_a_path_of_a_state_file_below_whole_folders_is_taken(tmp_path: Path, path: str) -> None:
    assert _runtime(tmp_path, f"state: ['{path}']").state == (path,)
