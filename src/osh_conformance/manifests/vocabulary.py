"""The words by which rules and the plan recognise things: data of the package, read once, in this module only."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

import yaml


@functools.cache
def words(name: str) -> dict[str, Any]:
    """Return the content of `data/vocabulary/<name>.yaml`."""
    file = resources.files("osh_conformance").joinpath("data", "vocabulary", f"{name}.yaml")
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return content
