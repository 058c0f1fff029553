"""Finds as many switches of a chart as can be off together, with few renderings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.render.all_toggles import blamed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: Renderings that one search may take.
_MOST = 80


class Switching:
    """A search for the switches without which something is still right.

    - off: those that are off, together.
    - kept: the others, and why.
    """

    def __init__(self, problem: Callable[[Sequence[str]], str], templates: Mapping[str, str]) -> None:
        """Try nothing yet. `problem` returns what is wrong with these switches off, "" if nothing is."""
        self._problem = problem
        self._templates = templates
        self._left = _MOST
        self.off: tuple[str, ...] = ()
        self.kept: dict[str, str] = {}

    def add(self, switches: Sequence[str]) -> None:
        """Switch off as many of these as is right, beside those that are off already."""
        waiting = [list(switches)] if switches else []
        while waiting:
            group = waiting.pop()
            reason = self._try(group)
            if not reason:
                self.off = (*self.off, *group)
            elif len(group) == 1 or self._left <= 0:
                self.kept |= dict.fromkeys(group, reason.partition("\n")[0])
            else:
                waiting += self._split(group, reason)

    def _try(self, group: Sequence[str]) -> str:
        if self._left <= 0:
            return f"not tried: {_MOST} renderings did not show what can be switched off"
        self._left -= 1
        return self._problem((*self.off, *group))

    def _split(self, group: list[str], reason: str) -> list[list[str]]:
        """Return parts of a group: each switch that the reason names alone, after all others; else its halves."""
        names = blamed(group, reason, self._templates)
        others = [switch for switch in group if switch not in names]
        if names and others:
            return [*([switch] for switch in group if switch in names), others]
        half = len(group) // 2
        return [group[half:], group[:half]]
