"""Static rules return a verdict on every manifest, however odd it is."""

from __future__ import annotations

import copy
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.charts.source import Reader
from osh_conformance.render.job import Job
from osh_conformance.render.parse import containers_in
from osh_conformance.render.renderings import render_chart
from osh_conformance.rules import registry
from tests.case_charts import case

if TYPE_CHECKING:
    from osh_conformance.model.chart import RenderedChart


def _chart(name: str) -> RenderedChart:
    files = Reader().read(case(name))
    return render_chart(Job(name=files.name, version=files.version, files=files.files), lambda: None)


def _twisted(content: Any, chance: random.Random) -> Any:
    """Replace a random part of an object by a value of another type."""
    result = copy.deepcopy(content)
    here: Any = result
    while True:
        places = list(here) if isinstance(here, dict) else list(range(len(here)))
        place = chance.choice(places)
        inner = here[place]
        if isinstance(inner, dict | list) and inner and chance.random() < 0.8:
            here = inner
            continue
        here[place] = chance.choice(
            (None, "", "text", 0, -1.5, True, [], {}, [None, 3], {"a": None}, [["x"]], {"name": 7})
        )
        return result


@pytest.mark.parametrize("name", ["clean-drop-oslo", "clean-tags", "drop-2-account-is-a-hook"])
def test_no_manifest_breaks_a_rule(name: str) -> None:
    chart = _chart(name)
    chance = random.Random(name)  # noqa: S311
    for _ in range(150):
        twisted = {}
        for label, rendering in chart.renderings.items():
            documents = tuple(
                replace(document, content=_twisted(document.content, chance)) if chance.random() < 0.5 else document
                for document in rendering.documents
            )
            containers = tuple(container for container in containers_in(documents) if container.own)
            twisted[label] = replace(rendering, documents=documents, containers=containers)
        odd = replace(chart, renderings=twisted, containers=twisted["shipped"].containers)
        for rule, check in registry.static_rules().items():
            assert check(odd).rule == rule
