"""Custom resources by which an operator makes databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.manifests.vocabulary import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from osh_conformance.model.chart import Document


def owner_of_databases(documents: Iterable[Document]) -> str:
    """Return the first custom resource of the chart itself by which an operator makes a database, "" without one."""
    known = words("databases")["operators"]
    for document in documents:
        group = str(document.content.get("apiVersion") or "").rpartition("/")[0]
        if document.own and document.kind in known["kinds"] and any(word in group for word in known["groups"]):
            return f"{document.kind}/{document.name}"
    return ""
