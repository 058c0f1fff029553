"""Install, upgrade and uninstall as operators do: by the helm program, on one named cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance import process

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence
    from pathlib import Path

#: Seconds beyond helm's own --timeout until its process is ended: helm 4.2.1 could overrun it (helm#32214).
MARGIN = 30.0
_QUICK = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Helm:
    """One helm program on one cluster.

    It reads `kubeconfig` and `context` only, and keeps its caches below `home`: never those of the user.
    """

    program: Path
    major: int
    kubeconfig: Path
    context: str
    home: Path
    secrets: tuple[str, ...] = ()

    def install(  # noqa: PLR0913
        self,
        release: str,
        chart: Path,
        namespace: str,
        values: Sequence[Path],
        *,
        timeout: int = 300,
        wait: bool = False,
        cancel: threading.Event | None = None,
    ) -> process.Outcome:
        """Install, by default without `--wait`: charts whose pods wait for post-install hooks would deadlock."""
        words: list[str | Path] = [release, chart, *_files(values), *_waiting(wait)]
        return self._change("install", words, namespace, timeout, cancel)

    def upgrade(  # noqa: PLR0913
        self,
        release: str,
        chart: Path,
        namespace: str,
        values: Sequence[Path],
        *,
        timeout: int = 300,
        wait: bool = False,
        cancel: threading.Event | None = None,
    ) -> process.Outcome:
        """Upgrade an installed release to these values."""
        words: list[str | Path] = [release, chart, *_files(values), *_waiting(wait)]
        return self._change("upgrade", words, namespace, timeout, cancel)

    def uninstall(  # noqa: PLR0913
        self,
        release: str,
        namespace: str,
        *,
        timeout: int = 300,
        waits: int = 1,
        hooks: bool = True,
        cancel: threading.Event | None = None,
        kill: threading.Event | None = None,
    ) -> process.Outcome:
        """Uninstall; the outcome's exit code is the answer, whatever it is. `kill` ends helm with SIGKILL.

        Helm gives its timeout to each hook, so it may take it `waits` times.
        """
        words = [release, *_flag("--no-hooks", not hooks)]
        return self._change("uninstall", words, namespace, timeout, cancel, kill, waits)

    def status(self, release: str, namespace: str) -> str:
        """What `helm status` and `helm history` print, for the artifacts."""
        parts = []
        for words in (["status", release], ["history", release]):
            outcome = self._run([*words, "--namespace", namespace], deadline=_QUICK)
            parts.append(f"$ helm {' '.join(words)}\n{outcome.stdout}{outcome.stderr}")
        return "\n".join(parts)

    def _change(  # noqa: PLR0913, PLR0917
        self,
        action: str,
        words: Sequence[str | Path],
        namespace: str,
        timeout: int,
        cancel: threading.Event | None,
        kill: threading.Event | None = None,
        waits: int = 1,
    ) -> process.Outcome:
        argv = [action, *words, "--namespace", namespace, "--timeout", f"{timeout}s"]
        return self._run(argv, deadline=timeout * waits + MARGIN, cancel=cancel, kill=kill)

    def _run(
        self,
        words: Sequence[str | Path],
        *,
        deadline: float,
        cancel: threading.Event | None = None,
        kill: threading.Event | None = None,
    ) -> process.Outcome:
        cluster = ["--kubeconfig", str(self.kubeconfig), "--kube-context", self.context]
        return process.run(
            [self.program, *words, *cluster],
            deadline=deadline,
            env=self._environment(),
            secrets=self.secrets,
            cancel=cancel,
            kill=kill,
            check=False,
        )

    def _environment(self) -> dict[str, str]:
        folders = {name: str(self.home / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        homes = {f"HELM_{name}_HOME": folder for name, folder in folders.items()}
        # What an API server can do is remembered below ~/.kube otherwise.
        return homes | {"HELM_NAMESPACE": "default", "KUBECACHEDIR": str(self.home / "kube")}


def _flag(word: str, given: bool) -> list[str]:  # noqa: FBT001
    return [word] if given else []


def _waiting(given: bool) -> list[str]:  # noqa: FBT001
    """For everything: by itself `--wait` is content with a chart that has Jobs only."""
    return ["--wait", "--wait-for-jobs"] if given else []


def _files(values: Sequence[Path]) -> list[str]:
    return [word for path in values for word in ("--values", str(path))]
