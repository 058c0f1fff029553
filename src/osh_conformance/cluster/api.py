"""The official Kubernetes client, pointed at one named cluster."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import kubernetes
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_REQUEST = 30.0
#: A read that a busy API server does not answer in time is asked for again; what changes something is not.
_READS = Retry(3, status=0, redirect=0, backoff_factor=1.0, raise_on_status=False)
_OK = 200
_CREATED = 201
_CONFLICT = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer; `body` is parsed JSON, or None where there is none."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Kube:
    """Reads, execs and asks Services on the cluster of one kubeconfig file and context."""

    def __init__(self, kubeconfig: Path, context: str) -> None:
        """Connect to nothing yet. Raises `SuiteError` where the file or the context is not usable."""
        self._kubeconfig = kubeconfig
        self._context = context
        self.core = kubernetes.client.CoreV1Api(self._client())
        self.batch = kubernetes.client.BatchV1Api(self.core.api_client)

    def _client(self) -> Any:
        try:
            return kubernetes.config.new_client_from_config(str(self._kubeconfig), context=self._context)
        except kubernetes.config.ConfigException as error:
            raise SuiteError(f"{self._kubeconfig}, context {self._context}: {error}") from error

    def list(self, path: str) -> list[dict[str, Any]]:
        """The objects of a list path (`/api/v1/namespaces/x/pods`), as the API gives them."""
        items: list[dict[str, Any]] = self._request("GET", path).body["items"]
        return items

    def get(self, path: str) -> dict[str, Any]:
        """The object at a path, as the API gives it. Raises `SuiteError` where it gives none."""
        found: dict[str, Any] = self._request("GET", path).body
        return found

    def version(self) -> str:
        """The version of the API server, `v1.37.2`."""
        return str(self._request("GET", "/version").body["gitVersion"])

    def node_runtime(self) -> str:
        """What the first node says it runs containers with: `containerd://2.4.2`."""
        nodes = self.list("/api/v1/nodes")
        return str(nodes[0]["status"]["nodeInfo"]["containerRuntimeVersion"])

    def is_ready(self) -> bool:
        """Whether the API server answers, and says that it is ready."""
        try:
            return bool(self._raw("GET", "/readyz", None, {}).status == _OK)
        except SuiteError:
            return False

    def pod_address(self, namespace: str, pod: str) -> str:
        """The IP address of a pod."""
        return str(self.get(f"/api/v1/namespaces/{namespace}/pods/{pod}")["status"]["podIP"])

    def has_node(self, label: str, value: str) -> bool:
        """Whether a node carries a label."""
        return any(node["metadata"].get("labels", {}).get(label) == value for node in self.list("/api/v1/nodes"))

    def label_nodes(self, labels: Mapping[str, str]) -> None:
        """Put labels on every node."""
        for node in self.list("/api/v1/nodes"):
            self.core.patch_node(node["metadata"]["name"], {"metadata": {"labels": dict(labels)}})

    def ensure(self, path: str, manifest: Mapping[str, Any]) -> None:
        """Make an object below a list path, unless there is one of its name. Raises `SuiteError`."""
        answer = self._request("POST", path, body=manifest, check=False)
        if answer.status not in (_CREATED, _CONFLICT):
            said = (answer.body or {}).get("message", "")
            raise SuiteError(f"POST {path}: the API server answered {answer.status}", details=said)

    def try_out(self, path: str, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        """What an object would be, had it been made: with all that admission changes. Raises `SuiteError`."""
        answer = self._request("POST", f"{path}?dryRun=All", body=manifest, check=False)
        if answer.status != _CREATED:
            said = (answer.body or {}).get("message", "")
            raise SuiteError(f"POST {path} (dry run): the API server answered {answer.status}", details=said)
        found: Mapping[str, Any] = answer.body
        return found

    def remove_namespace(self, namespace: str) -> None:
        """Begin to remove a namespace, if it is there."""
        # Where the API does not answer, the cluster goes as a whole.
        with contextlib.suppress(ApiException, HTTPError):
            self.core.delete_namespace(namespace)

    def execute(
        self, namespace: str, pod: str, container: str, argv: Sequence[str], *, deadline: float = _REQUEST
    ) -> str:
        """Run `argv` in a container; its stdout. Raises `SuiteError` with its stderr on any other exit than 0."""
        # The client's stream() patches the API object that it is given: it gets one of its own.
        core = kubernetes.client.CoreV1Api(self._client())
        try:
            session = stream(
                core.connect_get_namespaced_pod_exec,
                pod,
                namespace,
                container=container,
                command=list(argv),
                stdout=True,
                stderr=True,
                stdin=False,
                tty=False,
                _preload_content=False,
                _request_timeout=deadline,
            )
            session.run_forever(timeout=deadline)
            # Reading from an open session waits for more, without end.
            ended = not session.is_open()
            out, err = (session.read_stdout(), session.read_stderr()) if ended else ("", "")
            code = session.returncode if ended else None
            session.close()
        except ValueError as error:
            # No exit code among the causes: nothing was run.
            raise SuiteError(f"`{argv[0]}` in {namespace}/{pod} {container} could not be run") from error
        except ApiException as error:
            raise SuiteError(f"cannot exec in {namespace}/{pod} {container}: {error.reason}") from error
        if code != 0:
            how = f"ended with {code}" if ended else f"did not end within {deadline:g} s"
            raise SuiteError(f"`{argv[0]}` in {namespace}/{pod} {container} {how}", details=err or out)
        return str(out)

    def ask_service(  # noqa: PLR0913
        self,
        namespace: str,
        service: str,
        port: int,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request to a Service through the API server's proxy: no port is opened, no image needs a client."""
        where = f"/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy{path}"
        return self._request(method, where, body=body, headers=headers, check=False)

    def log(self, namespace: str, pod: str, container: str, *, previous: bool = False, lines: int = 2000) -> str:
        """The log of a container, or the empty text where the API has none (any more)."""
        query = f"?container={container}&tailLines={lines}&previous={str(previous).lower()}"
        answer = self._raw("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}/log{query}", None, {}, retries=_READS)
        return answer.data.decode(errors="replace") if answer.status < 300 else ""  # noqa: PLR2004

    def _request(
        self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None, check: bool = True
    ) -> Answer:
        retries = _READS if method == "GET" else False
        response = self._raw(method, path, body, dict(headers or {}), retries=retries)
        try:
            parsed = json.loads(response.data) if response.data else None
        except ValueError:
            parsed = None
        if check and (response.status >= 300 or parsed is None):  # noqa: PLR2004
            raise SuiteError(f"{method} {path}: the API server answered {response.status}")
        return Answer(status=response.status, headers=dict(response.headers), body=parsed)

    def _raw(self, method: str, path: str, body: Any, headers: dict[str, str], *, retries: Retry | bool = False) -> Any:
        client = self.core.api_client
        configuration = client.configuration
        sent = {"Accept": "application/json", **headers}
        for setting in configuration.auth_settings().values():
            sent[setting["key"]] = setting["value"]
        if body is not None:
            sent["Content-Type"] = "application/json"
        try:
            return client.rest_client.pool_manager.request(
                method,
                configuration.host + path,
                body=None if body is None else json.dumps(body),
                headers=sent,
                timeout=_REQUEST,
                retries=retries,
            )
        except (HTTPError, OSError) as error:
            raise SuiteError(
                f"{method} {path}: the API server does not answer",
                fix="give a machine that is busy fewer cells at a time (--parallel)",
                details=str(error),
            ) from error
