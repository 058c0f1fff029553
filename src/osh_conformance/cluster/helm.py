"""Installing and removing releases with the helm program, as operators do, on one named cluster."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance import process
from osh_conformance.folders import helm_homes

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence
    from pathlib import Path

#: Seconds beyond helm's own --timeout until its process is stopped: helm 4.2.1 could overrun it (helm#32214).
MARGIN = 30.0
#: Helm's own default timeout, in seconds.
DEFAULT_TIMEOUT = 300
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
        upgrade: bool = False,
        timeout: int = DEFAULT_TIMEOUT,
        wait: bool = False,
        hooks: bool = True,
        cancel: threading.Event | None = None,
    ) -> process.Outcome:
        """Install a release, or with `upgrade` change an installed one to these values.

        By default without `--wait`: charts whose pods wait for post-install hooks would deadlock.
        """
        files = [word for path in values for word in ("--values", path)]
        # By itself, --wait does not wait for Jobs.
        waiting = ["--wait", "--wait-for-jobs"] if wait else []
        waiting += [] if hooks else ["--no-hooks"]
        argv = ["upgrade" if upgrade else "install", release, chart, *files, *waiting, *_limits(namespace, timeout)]
        return process.run(self._command(argv), deadline=timeout + MARGIN, cancel=cancel, check=False)

    def uninstall(  # noqa: PLR0913
        self,
        release: str,
        namespace: str,
        *,
        timeout: int = DEFAULT_TIMEOUT,
        waits: int = 1,
        hooks: bool = True,
        cancel: threading.Event | None = None,
        kill: threading.Event | None = None,
    ) -> process.Outcome:
        """Uninstall a release, and return the outcome with any exit code. `kill` ends helm with SIGKILL.

        Helm applies its timeout to each hook, so it may wait `waits` times as long.
        """
        argv = ["uninstall", release, *([] if hooks else ["--no-hooks"]), *_limits(namespace, timeout)]
        deadline = timeout * waits + MARGIN
        return process.run(self._command(argv), deadline=deadline, cancel=cancel, kill=kill, check=False)

    def restore(self, release: str, namespace: str, *, cancel: threading.Event | None = None) -> process.Outcome:
        """Make the latest revision of a release its deployed one again, without hooks.

        After an uninstall that failed Helm upgrades nothing. This changes only the release's record.
        """
        where = ["--namespace", namespace]
        status = process.run(
            self._command(["status", release, "--output", "json", *where]), deadline=_QUICK, cancel=cancel, check=False
        )
        if not status.ok:
            return status
        revision = str(json.loads(status.stdout)["version"])
        command = self._command(["rollback", release, revision, "--no-hooks", *where])
        return process.run(command, deadline=_QUICK, cancel=cancel, check=False)

    def test(
        self,
        release: str,
        namespace: str,
        *,
        timeout: int = DEFAULT_TIMEOUT,
        waits: int = 1,
        cancel: threading.Event | None = None,
    ) -> process.Outcome:
        """Run the test hooks of a release one after the other, and return the outcome with any exit code.

        Helm applies its timeout to each hook, so it may wait `waits` times as long.
        Not with `--logs`: a hook policy may delete a pod before helm reads its log.
        """
        command = self._command(["test", release, *_limits(namespace, timeout)])
        return process.run(command, deadline=timeout * waits + MARGIN, cancel=cancel, check=False)

    def version(self) -> str:
        """Return what the program says of its version, such as `v4.0.1`; "" if it says nothing."""
        command = self._command(["version", "--template", "{{.Version}}"])
        return process.run(command, deadline=_QUICK, check=False).stdout.strip()

    def status(self, release: str, namespace: str) -> str:
        """Return the output of `helm status` and `helm history`, for the artifacts."""
        parts = []
        for argv in (["status", release], ["history", release]):
            command = self._command([*argv, "--namespace", namespace])
            outcome = process.run(command, deadline=_QUICK, check=False)
            parts.append(f"$ helm {' '.join(argv)}\n{outcome.stdout}{outcome.stderr}")
        return "\n".join(parts)

    def _command(self, argv: Sequence[str | Path]) -> process.Command:
        cluster = ("--kubeconfig", self.kubeconfig, "--kube-context", self.context)
        # Helm stores the API server's abilities below ~/.kube by default.
        env = {**helm_homes(self.home), "HELM_NAMESPACE": "default", "KUBECACHEDIR": str(self.home / "kube")}
        return process.Command(argv=(self.program, *argv, *cluster), env=env, secrets=self.secrets)


def _limits(namespace: str, timeout: int) -> tuple[str, ...]:
    return ("--namespace", namespace, "--timeout", f"{timeout}s")
