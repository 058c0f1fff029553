"""The state of the message queue, read from the server itself."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import QueueState

if TYPE_CHECKING:
    from osh_conformance.cluster.api import Kube

#: rabbitmqctl is a program of its own that asks the server; a busy machine needs seconds to start it.
_DEADLINE = 120.0
#: The API server's proxy removes the header with which a client logs in to the HTTP API. `-` is the standard output.
_EXPORT = ("rabbitmqctl", "--quiet", "export_definitions", "-")
_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageQueue:
    """The suite's own RabbitMQ server, in a pod with `rabbitmqctl`."""

    kube: Kube
    namespace: str
    pod: str
    container: str

    def state(self) -> QueueState:
        """Return the users, virtual hosts and permissions. Raises `SuiteError` if the server does not tell them."""
        text = self.kube.execute(self.namespace, self.pod, self.container, _EXPORT, deadline=_DEADLINE)
        try:
            content: dict[str, Any] = json.loads(text)
            return QueueState(
                users={user["name"]: _login(user) for user in content["users"]},
                vhosts=tuple(sorted(vhost["name"] for vhost in content["vhosts"])),
                permissions={
                    f"{each['user']} on {each['vhost']}": _permission(each) for each in content["permissions"]
                },
            )
        except (ValueError, KeyError, TypeError) as error:
            # Not the text: it has the hashes of passwords.
            raise SuiteError(f"`{' '.join(_EXPORT)}` in {self.namespace}/{self.pod}: no definitions") from error


def _login(user: dict[str, Any]) -> str:
    """Return the tags of a user, and a word that is another one when the password is."""
    tags = user.get("tags") or ()
    shown = hashlib.sha256(str(user.get("password_hash")).encode()).hexdigest()[:_SHOWN]
    return f"tags {','.join(tags) if isinstance(tags, list) else tags or 'none'}; login {shown}"


def _permission(each: dict[str, Any]) -> str:
    return "; ".join(f"{kind} {each.get(kind, '')}" for kind in ("configure", "write", "read"))
