"""The words that rules know things by: data of the package, read once. A rule itself reads nothing."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

import yaml


@functools.cache
def words(name: str) -> dict[str, Any]:
    """Return the content of `data/words/<name>.yaml`."""
    text = resources.files("osh_conformance").joinpath("data", "words", f"{name}.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content
