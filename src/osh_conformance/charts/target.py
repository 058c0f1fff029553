"""A chart that a run checks: one record for `check`, `live` and `plan`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.source import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from osh_conformance.charts.catalog import ChartEntry
    from osh_conformance.charts.source import ChartFiles
    from osh_conformance.errors import SuiteError
    from osh_conformance.model.chart import GivenValues
    from osh_conformance.model.convention import Convention


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartTarget:
    """A chart of a run. All targets of a run share one `Reader`, so that no chart is read twice.

    - name: the name in Chart.yaml. Of an archive, whose Chart.yaml is not read to find it, the file name; `files.name`
      is always the name in Chart.yaml.
    - label: unique in the run: the name, or the path where two charts have the same name.
    - path: the chart, a directory or a `.tgz`, as the user wrote it (`str(path)` is what messages repeat).
    - root: the PATH argument below which the chart was found, None without one.
    - folder: what leads from the working directory to the chart, in front of the paths of findings: "" or "x/y/".
    - error: why the chart cannot be checked, None for a chart that can. The fields below are then empty.
    - entry: the chart's entry in a catalog, None without one.
    - convention: the one that `--convention` or the catalog names, None without a name: see `recognised`.
    - values: over the chart's own: those of the catalog, and over them those of the user.
    - given: the files of these values, with their lines.
    - others: conventions that the chart may follow beside those that come with the suite: see `conventions.users`.
    """

    name: str
    label: str
    path: Path
    root: Path | None = None
    folder: str = ""
    error: SuiteError | None = None
    entry: ChartEntry | None = field(default=None, compare=False, repr=False)
    convention: Convention | None = field(default=None, compare=False, repr=False)
    values: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    given: tuple[GivenValues, ...] = field(default=(), compare=False, repr=False)
    others: tuple[Convention, ...] = field(default=(), compare=False, repr=False)
    reader: Reader = field(default_factory=Reader, compare=False, repr=False)

    @property
    def files(self) -> ChartFiles:
        """The chart's files, and its parsed values in `files.values`; read once. Raises `SuiteError`."""
        if self.error:
            raise self.error
        return self.reader.read(self.path, self.root)

    @property
    def recognised(self) -> Convention | None:
        """The convention that applies: the named one, else the one that the shipped values follow, else None."""
        return self.convention or conventions.recognise(self.files.values.content, self.others)
