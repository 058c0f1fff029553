"""What an uninstall did with the release's data, in a few words for tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from osh_conformance.model.result import RemovedData

_NOTHING = "the release had no database and no account"


def words(removals: Iterable[RemovedData]) -> str:
    """Return what uninstalls did, such as `dropped: databases a, b; account a@% (3 tables, 9 rows)`.

    Uninstalls that follow each other and did the same share their words. "" without an uninstall.
    """
    parts: list[str] = []
    times: list[int] = []
    for text in map(_words, removals):
        if parts and parts[-1] == text:
            times[-1] += 1
        else:
            parts.append(text)
            times.append(1)
    together = zip(parts, times, strict=True)
    return ", then ".join(text if number == 1 else f"{number} times {text}" for text, number in together)


def _words(removed: RemovedData) -> str:
    if not (removed.databases or removed.accounts or removed.roles):
        return _NOTHING
    return f"{'; '.join(_sentences(removed))} ({_content(removed)})"


def _content(removed: RemovedData) -> str:
    """Say what was in the databases before the uninstall."""
    if removed.tables:
        return f"{_counted(removed.tables, 'table')}, {_counted(removed.rows, 'row')}"
    return "no table but the suite's" if removed.suite_tables else "no table"


def _sentences(removed: RemovedData) -> Iterator[str]:
    """Yield a sentence for each fate that something of the release has met."""
    kinds = (("database", removed.databases), ("account", removed.accounts), ("role", removed.roles))
    for label, names in (
        ("dropped", [(noun, fates.dropped) for noun, fates in kinds]),
        ("kept", [(noun, fates.kept) for noun, fates in kinds]),
        ("left", [(noun, fates.left) for noun, fates in kinds]),
        ("gone before", [(noun, fates.gone) for noun, fates in kinds]),
    ):
        named = [_named(noun, found) for noun, found in names if found]
        if named:
            yield f"{label}: {'; '.join(named)}"


def _named(noun: str, names: Sequence[str]) -> str:
    return f"{noun}{'s' * (len(names) > 1)} {', '.join(names)}"


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'s' * (number != 1)}"
