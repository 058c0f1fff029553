"""Bystanders: things that no kill and no `gc` may change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ci.kills.dumps import Dump, compared, digest
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Bystander:
    """Something that no kill and no `gc` may change. `shared`: the run that is killed may add to it."""

    name: str
    dump: Callable[[], Dump]
    shared: bool = False


@dataclass(slots=True, kw_only=True)
class Bystanders:
    """All bystanders, with their dumps before the first kill and at the latest check."""

    known: list[Bystander] = field(default_factory=list)
    before: dict[str, Dump] = field(default_factory=dict)
    now: dict[str, Dump] = field(default_factory=dict)

    def remember(self) -> None:
        """Take the dumps that all later ones must equal."""
        self.before = {each.name: each.dump() for each in self.known}
        self.now = dict(self.before)

    def check(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return harm since the last check, and additions since then where a run may add something."""
        harmed: list[str] = []
        added: list[str] = []
        for each in self.known:
            last = self.now[each.name]
            try:
                self.now[each.name] = each.dump()
            except SuiteError as error:
                harmed.append(f"{each.name}: {error}")
                continue
            change = compared(last, self.now[each.name])
            before = self.before[each.name]
            (added if each.shared else harmed).extend(f"{each.name}: {part} is new" for part in change.added)
            # A part that a run had left there may be removed.
            harmed += [f"{each.name}: {part} is gone" for part in change.lost if part in before or not each.shared]
            harmed += [f"{each.name}: {part} has changed" for part in change.changed if part in before]
        return tuple(harmed), tuple(added)

    def digests(self) -> Iterable[str]:
        """Yield a line for each, with its digest and its number of parts at the latest check."""
        for name, dump in self.now.items():
            same = "" if digest(dump) == digest(self.before[name]) else "  NOT AS BEFORE"
            yield f"  sha256:{digest(dump)[:16]}  {len(dump):4} parts  {name}{same}"
