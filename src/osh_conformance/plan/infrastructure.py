"""The charts of the suite's own that a cell needs beside the one that it tests."""

from __future__ import annotations

from osh_conformance.charts.source import opened
from osh_conformance.charts.values import at
from osh_conformance.loading.search import data_folder

DATABASE_CHART = data_folder("infrastructure") / "mariadb"


def database_image() -> str:
    """The reference of the database server's image."""
    with opened(DATABASE_CHART) as source:
        return str(at(source.values.content, "images.mariadb"))
