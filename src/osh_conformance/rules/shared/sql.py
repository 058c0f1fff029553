"""The databases that the SQL in a container's scripts names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from osh_conformance.manifests.commands import argv, files
from osh_conformance.manifests.mounts import Place, file_at
from osh_conformance.manifests.programs import inline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from osh_conformance.manifests.pods import Pod
    from osh_conformance.manifests.variables import Variable

#: A statement in capitals or in small letters: "Drop database failed" is a message.
_STATEMENT: Final = {
    verb: re.compile(
        rf"\b(?:{verb}\s+DATABASE\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"
        rf"|{verb.lower()}\s+database\s+(?:if\s+(?:not\s+)?exists\s+)?)"
    )
    for verb in ("CREATE", "DROP")
}
#: A name, and what may follow it in a statement. A variable of the shell may stand for it.
_NAMED: Final = re.compile(
    r"[`'\"\\]*(?P<name>[\w-]+|\$\{?\w+\}?)(?:[`'\"\\]+(?![\w.$%+])|\s*(?:;|\)|$)|\s+(?:CHARACTER|DEFAULT|COLLATE)\b)",
    re.IGNORECASE | re.MULTILINE,
)
_MESSAGES: Final = frozenset({"failed", "fails", "error", "succeeded", "done", "skipped", "ok", "of", "for", "if"})


def texts(pod: Pod, entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a container surely runs: its command line or the script in it, and the files of the release."""
    words = argv(entry)
    found = inline(words)
    yield found[1] if found else " ".join(words)
    for path in files(entry):
        file = file_at(pod, entry, path)
        if file.place is Place.PRESENT and file.text:
            yield file.text


def in_sql(scripts: Iterable[str], known: Mapping[str, Variable], verb: str) -> tuple[frozenset[str], bool]:
    """Return the databases that the statements with `verb` name, and whether these are all of them.

    A variable of the shell is replaced by its value in `known`, unless the script sets it.
    """
    found, complete = set(), True
    for script in scripts:
        code = "\n".join(line for line in script.splitlines() if not line.lstrip().startswith(("#", "--")))
        for statement in _STATEMENT[verb].finditer(code):
            match = _NAMED.match(code, statement.end())
            name = _value(match["name"], known, code) if match else None
            if name is None:
                complete = False
            elif name.lower() not in _MESSAGES:
                found.add(name)
    return frozenset(found), complete


def _value(name: str, known: Mapping[str, Variable], code: str) -> str | None:
    """Return the value of a name in SQL, None if it is not known."""
    if not name.startswith("$"):
        return name
    variable = name.strip("${}")
    if variable not in known or re.search(
        rf"(?:^|[\s;]){variable}=|\bfor\s+{variable}\b|\bread\b.*\b{variable}\b", code
    ):
        return None
    value = known[variable].value
    return value if value and re.fullmatch(r"[\w-]+", value) else None
