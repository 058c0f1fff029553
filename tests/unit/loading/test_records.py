"""Data files, read into records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.errors import UsageError
from osh_conformance.loading import records
from osh_conformance.model.matrix import Flavor

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
