"""Changes to the tables of one database, between two looks at the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.observation import DatabaseState, TableState

_NOTHING: Mapping[tuple[int, int], str] = {}
#: Seconds by which the start of a server may differ between two looks.
_TOLERANCE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change to a database. `text` follows its name; `certain`: only a drop can be the reason."""

    cause: str
    text: str
    certain: bool = True


def changes(
    old: Mapping[str, TableState],
    new: Mapping[str, TableState] | None,
    *,
    in_use: bool,
    dropped: Mapping[tuple[int, int], str] = _NOTHING,
) -> Iterator[Change]:
    """Yield the changes from `old` to `new`, the tables of one database; `new` is None if the database is gone.

    `in_use`: a service writes to the database. Then added and changed rows do not count, and fewer rows are not certain
    to be a loss, because the service itself may have deleted them. `dropped`: the release's own tables by their content
    (rows and checksum), as `database.table`; a new table with that content was moved.
    """
    if new is None:
        yield Change(cause="gone", text=" is gone")
        return
    for table in sorted(set(new) - set(old)):
        origin = dropped.get((new[table].rows or 0, new[table].checksum or 0))
        if origin or not in_use:
            rows = f"those of {origin}" if origin else _rows(new[table])
            yield Change(cause=f"table {table}", text=f": table {table} is new after helm uninstall, with {rows}")
    for table in sorted(old):
        if not in_use and old[table] != new.get(table):
            yield Change(cause=f"table {table}", text=_table_change(table, old, new))
        elif in_use and _has_less(old[table], new.get(table)):
            yield Change(cause=f"table {table}", text=_table_change(table, old, new), certain=table not in new)
    if in_use and _has_rows(old) and not _has_rows(new):
        yield Change(cause="empty", text=": every table is empty")


def wrote(users: frozenset[str], old: DatabaseState, new: DatabaseState) -> bool | None:
    """Return whether one of these users ran a statement that changes data between two looks.

    None if the server did not count them, or began anew.
    """
    if not old.started or not new.started or restarted(old, new):
        return None
    return any(new.writes.get(user, 0) != old.writes.get(user, 0) for user in users)


def restarted(old: DatabaseState, new: DatabaseState) -> bool:
    """Return whether the server was started again between two looks."""
    return bool(old.started and new.started) and abs(new.started - old.started) > _TOLERANCE


def _table_change(table: str, old: Mapping[str, TableState], new: Mapping[str, TableState]) -> str:
    return f": table {table} had {_rows(old.get(table))}, now {_rows(new.get(table))}"


def _has_less(old: TableState, new: TableState | None) -> bool:
    return new is None or (old.rows is not None and new.rows is not None and new.rows < old.rows)


def _has_rows(tables: Mapping[str, TableState]) -> bool:
    return any(table.rows for table in tables.values())


def _rows(state: TableState | None) -> str:
    if state is None:
        return "no such table"
    if state.rows is None:
        return "an unknown number of rows (the table is locked)"
    return f"{state.rows} rows (checksum {state.checksum})"
