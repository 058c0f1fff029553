"""What REF-4 says about a reference that cannot be pulled."""

from __future__ import annotations

import pytest

from osh_conformance.rules.shared.invalid_references import fault


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("docker.io/example/web:@BUILD_TAG@", "@BUILD_TAG@"),
        ("docker.io/example/web:@@version@@", "@@version@@"),
        ("docker.io/example/web:__VERSION__", "__VERSION__"),
        ("__REGISTRY__/example/web:1.2.3", "__REGISTRY__"),
        ("docker.io/example/web:<tag>", "<tag>"),
        ("docker.io/<project>/web:1.2.3", "<project>"),
        ("docker.io/example/web:${TAG}", "${TAG}"),
        ("${REGISTRY:-docker.io}/example/web:1.2.3", "${REGISTRY:-docker.io}"),
        ("docker.io/example/web:$(TAG)", "$(TAG)"),
        ("docker.io/example/web:$TAG", "$TAG"),
        ("docker.io/example/web:%VERSION%", "%VERSION%"),
        ("docker.io/example/web:{{ .Chart.AppVersion }}", "{{ .Chart.AppVersion }}"),
        ("docker.io/example/web:{version}", "{version}"),
        ("docker.io/REPLACE_ME/web:1.2.3", "REPLACE_ME"),
        ("docker.io/example/web:CHANGEME", "CHANGEME"),
        ("docker.io/example/web:placeholder", "placeholder"),
    ],
)
def test_a_placeholder_is_named(text: str, word: str) -> None:
    found = fault(text)
    assert found is not None
    assert f"`{word}` is a placeholder" in found.found


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("/team/web:1.2.3", "registry"),
        ("docker.io/team/:1.2.3", "repository"),
        ("docker.io//web:1.2.3", "repository"),
        (":1.2.3", "repository"),
        ("/:", "repository"),
        ("docker.io/team/web:", "tag"),
    ],
)
def test_a_part_that_an_empty_value_left_out_is_named(text: str, part: str) -> None:
    found = fault(text)
    assert found is not None
    assert found.part == part
    assert part in found.found


def test_a_value_that_the_template_cannot_write_is_named() -> None:
    missing, number = fault("docker.io/example/web:%!s(<nil>)"), fault("docker.io/example/web:%!s(float64=17)")
    assert missing is not None
    assert "missing" in missing.found
    assert number is not None
    assert "no text" in number.found


@pytest.mark.parametrize(
    "text",
    [
        "docker.io/example/web:1.2.3",
        "docker.io/todo/web:1.2.3",
        "docker.io/x/web:todo-app-1",
        "docker.io/x/web:version-1",
    ],
)
def test_a_valid_reference_is_no_placeholder(text: str) -> None:
    assert fault(text) is None


@pytest.mark.parametrize("text", ["docker.io/Example/api:1.2.3", "docker.io/x/api:1.2.3:4", "http://docker.io/x/api:1"])
def test_another_fault_is_named_by_the_grammar(text: str) -> None:
    found = fault(text)
    assert found is not None
    assert "placeholder" not in found.found
    assert not found.part
