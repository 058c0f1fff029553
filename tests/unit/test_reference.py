"""Image references: the grammar, by example and by property."""

from __future__ import annotations

import random

import pytest
from docker_image import reference as independent
from hypothesis import given
from hypothesis import strategies as st

from osh_conformance.reference import InvalidReferenceError, parse

_SHA = "sha256:" + "0123456789abcdef" * 4

_part = st.from_regex(r"[a-z0-9]+(?:(?:\.|_|__|-{1,3})[a-z0-9]+){0,2}", fullmatch=True)
_host = st.one_of(
    st.just("localhost"),
    st.from_regex(r"[a-z][a-z0-9]{0,8}(?:\.[a-z][a-z0-9]{0,5}){1,2}(?::[0-9]{1,5})?", fullmatch=True),
    st.from_regex(r"[a-z][a-z0-9]{0,8}:[0-9]{1,5}", fullmatch=True),
    st.just("[2001:db8::1]:5000"),
)
_tag = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
_digest = st.from_regex(r"sha256:[a-f0-9]{64}", fullmatch=True)


@given(_host, st.lists(_part, min_size=1, max_size=4), st.none() | _tag, st.none() | _digest)
def test_a_full_reference_is_split_into_its_parts(
    host: str, parts: list[str], tag: str | None, digest: str | None
) -> None:
    path = "/".join(parts)
    text = f"{host}/{path}" + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    reference = parse(text)
    assert (reference.domain, reference.written_path) == (host, path)
    assert (reference.tag, reference.digest) == (tag, digest)
    assert reference.explicit_domain
    assert str(reference) == text


@given(st.text(max_size=60))
def test_any_text_is_refused_or_survives_unchanged(text: str) -> None:
    try:
        reference = parse(text)
    except InvalidReferenceError as error:
        assert str(error)  # noqa: PT017  (most texts are refused, and none without a reason)
    else:
        assert str(reference) == text
        assert parse(reference.canonical).canonical == reference.canonical


@given(_part, st.none() | _tag)
def test_a_short_reference_means_docker_io(name: str, tag: str | None) -> None:
    reference = parse(name + (f":{tag}" if tag else "")) if "." not in name else parse(f"docker.io/{name}")
    assert reference.name == f"docker.io/library/{name}"


@pytest.mark.parametrize(
    ("text", "domain", "path", "tag"),
    [
        ("keystone", "docker.io", "library/keystone", None),
        ("kolla/keystone:2026.1", "docker.io", "kolla/keystone", "2026.1"),
        ("index.docker.io/kolla/keystone", "docker.io", "kolla/keystone", None),
        ("docker.io/rabbitmq:4", "docker.io", "library/rabbitmq", "4"),
        ("localhost:5000/foo", "localhost:5000", "foo", None),
        ("localhost/foo:1", "localhost", "foo", "1"),
        ("registry.local:5000/a/b", "registry.local:5000", "a/b", None),
        ("myhost/foo:1", "docker.io", "myhost/foo", "1"),
        ("MyHost/foo:1", "MyHost", "foo", "1"),
        ("foo:5000", "docker.io", "library/foo", "5000"),
    ],
)
def test_a_first_component_with_dot_or_port_is_a_host(text: str, domain: str, path: str, tag: str | None) -> None:
    reference = parse(text)
    assert (reference.domain, reference.path, reference.tag) == (domain, path, tag)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("docker.io/Kolla/keystone", "upper case"),
        ("docker.io/a:1:2", "more than one tag"),
        ("docker.io/a:", "not a valid tag"),
        ("docker.io/a:" + "x" * 129, "not a valid tag"),
        ("docker.io/a@sha256:abc", "64 lower case"),
        ("docker.io/a@md5:" + "0" * 32, "known algorithm"),
        ("docker.io/" + "a" * 256, "longer than 255"),
        ("docker.io//a", "not a repository name"),
        ("https://docker.io/a", "registry host"),
        ("docker.io/a b", "not a repository name"),
        ("docker.io/a:1\n", "not a valid tag"),
        ("0" * 64, "identifier"),
    ],
)
def test_a_malformed_reference_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidReferenceError, match=message):
        parse(text)


def test_another_tag_drops_the_digest() -> None:
    assert str(parse(f"quay.io/a/b:1@{_SHA}").with_tag("2")) == "quay.io/a/b:2"
    with pytest.raises(InvalidReferenceError):
        parse("quay.io/a/b").with_tag("not a valid tag")


_PARTS = (
    *(
        "a",
        "0",
        "kolla",
        "x-y",
        "a--b",
        "a__b",
        "a_b",
        "a.b",
        "a..b",
        "_a",
        "a-",
        "A",
        "Kolla",
        "library",
        "\u00e9",
        "",
    ),
    "a" * 120,
)
_HOSTS = (
    *(
        "docker.io",
        "index.docker.io",
        "quay.io",
        "localhost",
        "localhost:5000",
        "registry.local:5000",
        "myhost",
        "MyHost",
    ),
    *("127.0.0.1:80", "[2001:db8::1]", "[2001:db8::1]:5000", "a-.io", "-a.io", "quay.io:", "quay.io:x", ""),
)
_TAGS = (
    *("latest", "1.2.3", "2026.1-ubuntu_noble", "_x", "-x", ".x", "A", "1:2", "", "a b", "\u00fc"),
    "x" * 128,
    "x" * 129,
)
_DIGESTS = (
    *("sha256:" + "a" * 64, "sha256:" + "A" * 64, "sha256:" + "a" * 63, "sha256:" + "a" * 65, "sha384:" + "c" * 96),
    *("sha512:" + "b" * 128, "md5:" + "0" * 32, "sha256", "sha256:", "foo+bar:" + "a" * 32),
)


def _anything_like_a_reference(chance: random.Random) -> str:
    host = chance.choice(_HOSTS) + "/" if chance.random() < 0.6 else ""
    text = host + "/".join(chance.choice(_PARTS) for _ in range(chance.choice((1, 1, 2, 2, 3))))
    text += ":" + chance.choice(_TAGS) if chance.random() < 0.6 else ""
    text += "@" + chance.choice(_DIGESTS) if chance.random() < 0.3 else ""
    if text and chance.random() < 0.15:
        damaged = chance.randrange(len(text))
        text = text[:damaged] + chance.choice("/:@.-_A 0") + text[damaged + chance.choice((0, 1)) :]
    return text


def _ours(text: str) -> tuple[str | None, ...] | None:
    try:
        reference = parse(text)
    except InvalidReferenceError:
        return None
    return (reference.domain, reference.path, reference.tag, reference.digest)


def _theirs(text: str) -> tuple[str | None, ...] | None:
    try:
        reference = independent.Reference.parse_normalized_named(text)
    except Exception:  # noqa: BLE001  (whatever it raises, it refuses the text)
        return None
    return (*reference.split_hostname(), reference["tag"], reference["digest"])


def test_another_parser_reads_every_reference_the_same() -> None:
    # Without line ends: the other one's `$` lets one pass.
    chance = random.Random(20170925)  # noqa: S311
    texts = {_anything_like_a_reference(chance) for _ in range(20_000)}
    assert [text for text in texts if _ours(text) != _theirs(text)] == []
    assert sum(_ours(text) is not None for text in texts) > 1_000
