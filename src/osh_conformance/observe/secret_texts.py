"""What is secret in the entries and files of a Kubernetes Secret, and what are only names."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from osh_conformance.redaction import is_word

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

#: The last words of a key whose value is a name, an address or a kind, and no secret.
_NAMES = frozenset(
    {
        *("host", "hosts", "hostname", "port", "name", "names", "user", "username", "database", "vhost"),
        *("region", "project", "tenant", "domain", "role", "type", "interface", "endpoint", "url", "uri"),
    }
)
_SECRETS = r"password|passwd|passphrase|secret|token|auth|credential|(?:secret|private|api|access)[_-]?key"
_SECRET_KEY = re.compile(f"(?:{_SECRETS})$", re.IGNORECASE)
#: The words of a key: `OS_PROJECT_NAME`, `userName`.
_KEY_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+(?![a-z])")
#: What follows a key in an option file, in YAML and in JSON: one of three groups has the value.
_VALUE = r"""["']?[ \t]*[:=][ \t]*(?:"((?:[^"\\\r\n]|\\.)*)"|'([^'\r\n]*)'|([^\s"'][^\r\n]*))"""
_ASSIGNED = re.compile(f"(?:{_SECRETS}){_VALUE}", re.IGNORECASE)
_NAMED = re.compile(rf"(?<![a-z])(?:user|username|name|host|database|project|tenant|region){_VALUE}", re.IGNORECASE)
#: User, password, host and path in a URL. That of a message queue may have several hosts, each with a login.
_LOGIN = re.compile(
    r"""(?:://|,)(?P<user>[^\s/:@,"'=]*):(?P<password>[^\s/@"']+)@(?P<host>[\w.-]*)(?::\d+)?(?:/(?P<path>[\w-]*))?"""
)
_ASSIGNED_WORD = re.compile(
    rf"""(?:{_SECRETS})\\?["']?[ \t]*[:=][ \t]*\\?["']?(?P<password>[^\s"',;\\]+)""", re.IGNORECASE
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(.+?)-----END", re.DOTALL)
#: The ends of names of option files. Scripts assign too, but no secrets.
_OPTION_FILES = frozenset({".cfg", ".cnf", ".conf", ".ini", ".json", ".properties", ".yaml", ".yml"})
#: A secret that somebody made up at random. It is none if it looks like a template, a path or a call.
_RANDOM = re.compile(r"[^\s${}()<>/]{8,}")


@dataclass(slots=True)
class Texts:
    """Texts of Secrets.

    - passwords: what is named like a secret, or stands where a password stands.
    - others: contents of entries of which nobody knows what they are, so that they may be secret.
    - names: what is named like a name: users, projects, hosts, databases. It may be the same as a password.
    """

    passwords: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def add_entry(self, key: str, content: str) -> None:
        """Add an entry of a Secret, decoded, and the secrets and names in it if it is a file or a URL.

        A log may contain one of those, but not the whole file.
        """
        word = (_KEY_WORDS.findall(key) or [""])[-1].lower()
        if _SECRET_KEY.search(key):
            self.passwords.add(content)
        elif word in _NAMES:
            self.names.add(content)
        elif not _LOGIN.search(content):
            self.others.add(content)
        self.passwords.update(_passwords(content))
        self.names.update(_named(content))

    def add_public_file(self, key: str, content: str) -> None:
        """Add the passwords in an option file of a ConfigMap, where anything else is no secret."""
        if PurePath(key).suffix in _OPTION_FILES:
            found = set(_passwords(content))
            self.passwords.update(text for text in found if _RANDOM.fullmatch(text) and not is_word(text))


def replace_passwords(text: str, passwords: AbstractSet[str], replacement: str) -> str:
    """Replace these passwords where a password stands: in a URL, and behind `password =`."""

    def replaced(found: re.Match[str]) -> str:
        if not passwords & {found["password"], unquote(found["password"])}:
            return found[0]
        start, end = (place - found.start() for place in found.span("password"))
        return found[0][:start] + replacement + found[0][end:]

    # The search for places is slow.
    if not any(spelling in text for password in passwords for spelling in (password, quote(password, safe=""))):
        return text
    return _ASSIGNED_WORD.sub(replaced, _LOGIN.sub(replaced, text))


def _passwords(text: str) -> Iterator[str]:
    for assigned in _assigned(_ASSIGNED, text):
        yield from (assigned, _of_login(assigned))
    for login in _LOGIN.finditer(text):
        yield from (login["password"], unquote(login["password"]))
    for key in _PRIVATE_KEY.findall(text):
        yield from key.split()


def _of_login(text: str) -> str:
    """Return the password of a login `user:password` in base64, as files for registries have it; "" for others."""
    try:
        return base64.b64decode(text, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _named(text: str) -> Iterator[str]:
    yield from _assigned(_NAMED, text)
    for login in _LOGIN.finditer(text):
        yield from (unquote(login["user"]), login["host"], login["host"].partition(".")[0], login["path"] or "")


def _assigned(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    """Yield assigned values as they can be read: quoted, escaped, or up to the end of a line."""
    # A file in JSON may have another one as a text.
    for version in {text, text.replace('\\"', '"')}:
        for double, single, plain in pattern.findall(version):
            yield from (double, double.replace("\\", ""), single)
            yield from (plain.strip(), plain.strip().rstrip(",;"), plain.strip().replace("%%", "%"))
