"""Image references, by the grammar of `distribution/reference`.

    reference := [ domain "/" ] path [ ":" tag ] [ "@" digest ]

The part before the first slash is a host only if it contains a dot, a colon or an upper case letter, or is
`localhost`. Otherwise the reference is short, and Docker reads it as one of docker.io.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

DEFAULT_DOMAIN: Final = "docker.io"
DEFAULT_TAG: Final = "latest"

_LEGACY_DOMAIN: Final = "index.docker.io"
_OFFICIAL: Final = "library"
_MAX_PATH: Final = 255

_DOMAIN_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN: Final = re.compile(rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?", re.ASCII)
_PATH_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH: Final = re.compile(rf"{_PATH_PART}(?:/{_PATH_PART})*", re.ASCII)
_REST: Final = re.compile(r"(?P<path>[^:@]*)(?::(?P<tag>[^:@]*))?(?:@(?P<digest>.*))?", re.ASCII | re.DOTALL)
_TAG: Final = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_IDENTIFIER: Final = re.compile(r"[a-f0-9]{64}")
_DIGEST_LENGTH: Final = {"sha256": 64, "sha384": 96, "sha512": 128}


class InvalidReferenceError(ValueError):
    """A text is not an image reference; the message names the wrong part and the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """An image reference in its parts. `str()` returns it as it was written, `canonical` in full.

    `written_domain` is empty if the text has no host; `written_path` has `library/` only if the text has it.
    """

    written_domain: str
    written_path: str
    tag: str | None = None
    digest: str | None = None

    @property
    def explicit_domain(self) -> bool:
        """Whether the text names its registry host."""
        return bool(self.written_domain)

    @property
    def domain(self) -> str:
        """The registry host; docker.io if the text has none."""
        if self.written_domain in ("", _LEGACY_DOMAIN):
            return DEFAULT_DOMAIN
        return self.written_domain

    @property
    def path(self) -> str:
        """The repository on its host, with `library/` for an official image of docker.io."""
        if self.domain == DEFAULT_DOMAIN and "/" not in self.written_path:
            return f"{_OFFICIAL}/{self.written_path}"
        return self.written_path

    @property
    def explicit_namespace(self) -> bool:
        """Whether the text has a namespace, so that docker.io does not add `library/`."""
        return self.path == self.written_path

    @property
    def name(self) -> str:
        """Host and repository, in full."""
        return f"{self.domain}/{self.path}"

    @property
    def canonical(self) -> str:
        """The reference in full; no tag is added if it has neither tag nor digest."""
        return self.name + self._suffix

    def with_tag(self, tag: str) -> ImageReference:
        """Return the same repository at `tag`, without a digest; raises `InvalidReferenceError` for an invalid tag."""
        _check_tag(tag, f"{self.name}:{tag}")
        return replace(self, tag=tag, digest=None)

    @property
    def _suffix(self) -> str:
        tag = f":{self.tag}" if self.tag is not None else ""
        digest = f"@{self.digest}" if self.digest is not None else ""
        return tag + digest

    def __str__(self) -> str:
        domain = f"{self.written_domain}/" if self.written_domain else ""
        return domain + self.written_path + self._suffix


def parse(text: str) -> ImageReference:
    """Parse `text`; raises `InvalidReferenceError` with the wrong part."""
    if not text:
        raise InvalidReferenceError("the image reference is empty")
    if _IDENTIFIER.fullmatch(text):
        raise InvalidReferenceError(f"{text!r} is an image's identifier, not a reference")
    domain, rest = _split_domain(text)
    match = _REST.fullmatch(rest)
    if match is None:
        raise InvalidReferenceError(f"{text!r} has more than one tag")
    if domain and not _DOMAIN.fullmatch(domain):
        raise InvalidReferenceError(f"{text!r}: {domain!r} is not a registry host")
    path, tag, digest = match["path"], match["tag"], match["digest"]
    _check_path(path, text)
    if tag is not None:
        _check_tag(tag, text)
    if digest is not None:
        _check_digest(digest, text)
    reference = ImageReference(written_domain=domain, written_path=path, tag=tag, digest=digest)
    if len(reference.path) > _MAX_PATH:
        raise InvalidReferenceError(f"{text!r}: the repository's name is longer than {_MAX_PATH} characters")
    return reference


def _split_domain(text: str) -> tuple[str, str]:
    head, slash, rest = text.partition("/")
    is_domain = slash and ("." in head or ":" in head or head == "localhost" or head != head.lower())
    return (head, rest) if is_domain else ("", text)


def _check_path(path: str, text: str) -> None:
    if _PATH.fullmatch(path):
        return
    if path != path.lower():
        raise InvalidReferenceError(f"{text!r}: the repository {path!r} has upper case letters")
    raise InvalidReferenceError(f"{text!r}: {path!r} is not a repository name")


def _check_tag(tag: str, text: str) -> None:
    if not _TAG.fullmatch(tag):
        raise InvalidReferenceError(f"{text!r}: {tag!r} is not a valid tag")


def _check_digest(digest: str, text: str) -> None:
    algorithm, _, encoded = digest.partition(":")
    length = _DIGEST_LENGTH.get(algorithm)
    if length is None:
        raise InvalidReferenceError(f"{text!r}: {digest!r} is not a digest of a known algorithm")
    if not re.fullmatch(rf"[a-f0-9]{{{length}}}", encoded):
        raise InvalidReferenceError(f"{text!r}: a {algorithm} digest has {length} lower case hexadecimal digits")
