"""The images that values declare, in every shape that charts use."""

from __future__ import annotations

from typing import Any

import pytest

from osh_conformance.charts import conventions, image_entries
from osh_conformance.charts.values import at, merged
from osh_conformance.model.chart import Shape, Values

_API = "quay.io/example/api:1.2.3"
_PARTS = {"repository": "quay.io/example/web", "tag": "2.0.1"}


def found_in(convention: str, values: dict[str, Any]) -> dict[str, tuple[Shape, str]]:
    entries = image_entries.entries(conventions.named(convention), values)
    return {entry.key: (entry.shape, entry.reference) for entry in entries}


def test_a_section_may_mix_texts_maps_and_lists_of_both() -> None:
    tags = {"api": _API, "web": _PARTS, "more": [_API, _PARTS], "odd": True}
    assert found_in("osh", {"images": {"tags": tags, "pull_policy": "Always"}}) == {
        "api": (Shape.TEXT, _API),
        "web": (Shape.MAP, "quay.io/example/web:2.0.1"),
        "more[0]": (Shape.TEXT, _API),
        "more[1]": (Shape.MAP, "quay.io/example/web:2.0.1"),
        "odd": (Shape.OTHER, ""),
    }


def test_complete_references_beside_the_section_are_found_by_their_path() -> None:
    images = {
        "tags": {"api": _API},
        "whole": {"image": _API},
        "prepull": [_API],
        "registry": "quay.io/example",
        "group": {"web": _API},
    }
    assert found_in("osh", {"images": images}).keys() == {
        "api",
        "images.whole",
        "images.prepull[0]",
        "images.group.web",
    }


@pytest.mark.parametrize("setting", [{"active": False, "exclude": ["api", "web"]}, [{"name": "login"}], ["login"]])
def test_settings_beside_the_section_are_no_images(setting: Any) -> None:
    assert found_in("osh", {"images": {"tags": {"api": _API}, "local_registry": setting}}).keys() == {"api"}


def test_references_inside_of_lists_of_settings_are_found() -> None:
    images = {"tags": {"api": _API}, "prepull": [{"label": "a", "ref": _API}, {"label": "b", "ref": _API}]}
    assert found_in("osh", {"images": images}).keys() == {"api", "images.prepull[0].ref", "images.prepull[1].ref"}


def test_a_policy_in_the_section_is_no_image() -> None:
    assert found_in("reference", {"images": {"api": _API, "pullPolicy": "Always"}}).keys() == {"api"}


def test_image_maps_are_found_at_any_depth() -> None:
    values = {
        "image": {"repository": "quay.io/example/a", "tag": ""},
        "sidecar": {"image": {"registry": "quay.io", "repository": "example/b", "tag": "1.0", "pullPolicy": "Always"}},
        "deep": {"er": {"initImage": "quay.io/example/c:1"}},
        "images": {"job": {"name": "quay.io/example/d", "digest": "sha256:" + "a" * 64}},
        "source": {"image": {"repository": "https://example.org/x", "tag": "1"}},
    }
    assert found_in("helm", values) == {
        "image": (Shape.MAP, ""),
        "sidecar.image": (Shape.MAP, "quay.io/example/b:1.0"),
        "deep.er.initImage": (Shape.TEXT, "quay.io/example/c:1"),
        "images.job": (Shape.MAP, "quay.io/example/d@sha256:" + "a" * 64),
    }


@pytest.mark.parametrize(
    ("images", "name"),
    [
        ({"tags": {"api": _API, "web": _PARTS}}, "osh"),
        ({"tags": {"web": _PARTS, "api": True}, "pull_policy": "Always"}, "osh"),
        ({"web": _PARTS, "api": _API, "prepull": [_API]}, "reference"),
        ({"web": _PARTS}, "helm"),
        ({"image": "quay.io/example/agent", "tag": "v2.0.0"}, None),
        ({"registry": "quay.io", "repository": "example/agent", "tag": 1.2}, None),
        ({"agent": "quay.io/example/agent", "agentTag": "v2.0.0", "helper": "quay.io/example/helper:1.0.1"}, None),
        ({"web": "nginx", "db": "mysql"}, None),
        ([_API], None),
    ],
)
def test_a_layout_is_recognised_by_what_looks_like_a_reference(images: Any, name: str | None) -> None:
    found = conventions.recognise({"images": images})
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        (_API, "quay.io/other/x:9.9.9"),
        ({"repository": "quay.io/a/b", "tag": ""}, {"repository": "quay.io/other/x", "tag": "9.9.9"}),
        (
            {"registry": "quay.io", "image": "a/b", "tag": 1.1, "digest": "sha256:0"},
            {"registry": "quay.io", "image": "other/x", "tag": "9.9.9", "digest": ""},
        ),
        ({"image": "quay.io/a/b:1.0"}, {"image": "quay.io/other/x:9.9.9"}),
        ({"repository": "quay.io/a/b", "pullPolicy": "Always"}, {"repository": "quay.io/other/x", "tag": "9.9.9"}),
    ],
)
def test_a_reference_is_written_in_the_shape_of_its_entry(entry: Any, wanted: Any) -> None:
    osh = conventions.named("osh")
    values = {"images": {"tags": {"x": entry, "y": _API}, "prepull": [_API, _API]}}
    written = conventions.image_values(osh, {"x": "quay.io/other/x:9.9.9"}, values=values)
    assert at(written, "images.tags.x") == wanted
    assert merged(values, written)["images"]["prepull"] == [_API, _API]


def test_one_entry_of_a_list_is_set_with_the_others_beside_it() -> None:
    values = {"images": {"tags": {"x": _API}, "prepull": [_API, "quay.io/example/b:1"]}}
    written = conventions.image_values(conventions.named("osh"), {"images.prepull[1]": "q.io/c:2"}, values=values)
    assert written["images"] == {"prepull": [_API, "q.io/c:2"]}
    assert at(values, "images.prepull") == [_API, "quay.io/example/b:1"]


def test_a_digest_goes_to_the_tag_of_a_map_without_a_place_for_it() -> None:
    digest = "sha256:" + "b" * 64
    assert image_entries.in_parts(f"q.io/c:2@{digest}", _PARTS, {"repository": "repository", "tag": "tag"}) == {
        "repository": "q.io/c",
        "tag": f"2@{digest}",
    }


def test_a_policy_is_set_beside_each_image_that_has_one() -> None:
    values = {"image": {**_PARTS, "pullPolicy": "Always"}, "sidecar": {"image": _PARTS}}
    written = conventions.image_values(conventions.named("helm"), {}, "Never", values=values)
    assert written == {"image": {"pullPolicy": "Never"}}


def test_the_line_of_a_list_is_that_of_its_entries() -> None:
    content = {"images": {"tags": {"api": _API}, "prepull": [_API]}}
    values = Values(content=content, lines={"images.tags.api": 3, "images.prepull": 5})
    found = conventions.declared_images(conventions.named("osh"), values, content)
    assert {image.key: image.line for image in found} == {"api": 3, "images.prepull[0]": 5}
