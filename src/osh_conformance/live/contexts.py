"""Opens the context of a namespace: its watch, its known secrets, a helm driver and a private folder."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from osh_conformance.cluster.node_runtimes import runtime_proof
from osh_conformance.errors import SuiteError
from osh_conformance.loading import definitions
from osh_conformance.observe.context import CellContext
from osh_conformance.observe.known_secrets import KnownSecrets
from osh_conformance.observe.watch import NamespaceWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Set as AbstractSet
    from contextlib import AbstractContextManager

    from osh_conformance.live.session import LiveSession


def no_second_context() -> AbstractContextManager[CellContext]:
    """Raise `SuiteError`: this context has one namespace only."""
    raise SuiteError("this context has one namespace only")


@contextlib.contextmanager
def open_context(  # noqa: PLR0913  (the parts of a context)
    session: LiveSession,
    namespace: str,
    *,
    title: str,
    helm_major: int,
    patience: float = 1.0,
    secrets: tuple[str, ...] = (),
    public_names: AbstractSet[str] = frozenset(),
    second_context: Callable[[], AbstractContextManager[CellContext]] = no_second_context,
    answer_pull: Callable[[str], None] = lambda _how: None,
) -> Iterator[CellContext]:
    """Watch an existing namespace until the end of the `with`.

    - title: what runs there, as the progress names it.
    - patience: the factor for waits that depend on how fast containers start there.
    - secrets: texts that no output may contain; `public_names` are no secrets, even where a Secret holds them.
    - second_context: opens another namespace, for a second release.
    - answer_pull: sets what the registry answers for the drop Job's image.
    """
    folder = session.folder / namespace
    folder.mkdir(mode=0o700)
    known = KnownSecrets(session.kube, namespace, secrets, public_names)
    runtimes = definitions.runtimes(session.suite.options.data).values()
    with NamespaceWatch(session.kube, namespace, session.cancel, known) as watch:
        yield CellContext(
            title=title,
            progress=session.progress,
            helm=session.helm(helm_major, tuple(secret for secret in secrets if secret not in public_names)),
            kube=session.kube,
            namespace=namespace,
            folder=folder,
            watch=watch,
            cancel=session.cancel,
            secrets=known,
            cluster=session.cluster,
            patience=patience,
            second_context=second_context,
            answer_pull=answer_pull,
            runtime_proof=partial(runtime_proof, session.cluster, namespace, session.node_runtime, runtimes),
        )
