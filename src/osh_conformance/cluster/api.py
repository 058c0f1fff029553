"""The API of one named cluster, through the official Kubernetes client.

The class is called `Kube`, because `ApiClient` is the name of a class of that client.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

import kubernetes
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from osh_conformance.cluster import proxies
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_REQUEST = 30.0
#: A busy API server may not answer in time: reads are retried, changes are not.
_READS = Retry(3, status=0, redirect=0, backoff_factor=1.0, raise_on_status=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP response; `body` is the parsed JSON, or None if there is none."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def refusal(self) -> str:
        """What the API server says where it answered itself, and not the Service that it was to ask; "" otherwise."""
        body = self.body if isinstance(self.body, dict) else {}
        if (body.get("kind"), body.get("apiVersion")) != ("Status", "v1"):
            return ""
        return str(body.get("message") or f"status {self.status}")


def new_client(kubeconfig: Path, context: str) -> Any:
    """Return the official client of a context; raises `ConfigException` if the file or the context is not usable."""
    configuration = kubernetes.client.Configuration()
    kubernetes.config.load_kube_config(str(kubeconfig), context=context, client_configuration=configuration)
    # As kubectl and helm, ask no proxy of the environment for a server on this machine. One of the kubeconfig is asked.
    if proxies.is_loopback(configuration.host) and configuration.proxy in getproxies().values():
        configuration.no_proxy = proxies.exceptions(configuration.no_proxy, ",".join(proxies.LOOPBACK))
    return kubernetes.client.ApiClient(configuration)


class Kube:
    """Reads objects, runs commands in pods and sends requests to Services, on the cluster of one kubeconfig context."""

    def __init__(self, kubeconfig: Path, context: str) -> None:
        """Read the file, but do not connect yet. Raises `SuiteError` if the file or the context is not usable."""
        self._kubeconfig = kubeconfig
        self._context = context
        self.core = kubernetes.client.CoreV1Api(self._client())
        self.batch = kubernetes.client.BatchV1Api(self.core.api_client)

    def _client(self) -> Any:
        try:
            return new_client(self._kubeconfig, self._context)
        except kubernetes.config.ConfigException as error:
            raise SuiteError(f"{self._kubeconfig}, context {self._context}: {error}") from error

    def list(self, path: str) -> list[dict[str, Any]]:
        """Return the objects of a list path (`/api/v1/namespaces/x/pods`), as the API returns them."""
        items: list[dict[str, Any]] = self._request("GET", path).body["items"]
        return items

    def get(self, path: str) -> dict[str, Any]:
        """Return the object at a path, as the API returns it. Raises `SuiteError` if there is none."""
        found: dict[str, Any] = self._request("GET", path).body
        return found

    def version(self) -> str:
        """Return the version of the API server, as in `v1.37.2`."""
        return str(self._request("GET", "/version").body["gitVersion"])

    def node_runtimes(self) -> dict[str, str]:
        """Return the container runtime that each node reports, as in `containerd://2.4.2`, by the node's name."""
        nodes = self.list("/api/v1/nodes")
        return {node["metadata"]["name"]: node["status"]["nodeInfo"]["containerRuntimeVersion"] for node in nodes}

    def is_ready(self) -> bool:
        """Whether the API server answers and reports that it is ready."""
        try:
            return bool(self._raw("GET", "/readyz", None, {}).status == HTTPStatus.OK)
        except SuiteError:
            return False

    def pod_address(self, namespace: str, pod: str) -> str:
        """Return the IP address of a pod."""
        return str(self.get(f"/api/v1/namespaces/{namespace}/pods/{pod}")["status"]["podIP"])

    def has_node(self, label: str, value: str) -> bool:
        """Whether any node has a label with this value."""
        return any(node["metadata"].get("labels", {}).get(label) == value for node in self.list("/api/v1/nodes"))

    def label_nodes(self, labels: Mapping[str, str]) -> None:
        """Add labels to every node."""
        for node in self.list("/api/v1/nodes"):
            self.core.patch_node(node["metadata"]["name"], {"metadata": {"labels": dict(labels)}})

    def ensure(self, path: str, manifest: Mapping[str, Any]) -> None:
        """Create an object below a list path, unless one of its name exists. Raises `SuiteError`."""
        answer = self._request("POST", path, body=manifest, check=False)
        if answer.status not in (HTTPStatus.CREATED, HTTPStatus.CONFLICT):
            message = (answer.body or {}).get("message", "")
            raise SuiteError(f"POST {path}: the API server answered {answer.status}", details=message)

    def dry_run(self, path: str, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the object that would be created, with all changes by admission. Raises `SuiteError`."""
        answer = self._request("POST", f"{path}?dryRun=All", body=manifest, check=False)
        if answer.status != HTTPStatus.CREATED:
            message = (answer.body or {}).get("message", "")
            raise SuiteError(f"POST {path} (dry run): the API server answered {answer.status}", details=message)
        found: Mapping[str, Any] = answer.body
        return found

    def remove_namespace(self, namespace: str) -> None:
        """Start to remove a namespace, if it exists."""
        # If the API does not answer, the whole cluster is removed later.
        with contextlib.suppress(ApiException, HTTPError):
            self.core.delete_namespace(namespace)

    def execute(
        self, namespace: str, pod: str, container: str, argv: Sequence[str], *, deadline: float = _REQUEST
    ) -> str:
        """Run `argv` in a container and return its stdout. Raises `SuiteError` with its stderr if it fails."""
        # The client's stream() patches the API object it gets, so it gets a separate one.
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
            # Reading from an open session would wait forever.
            ended = not session.is_open()
            out, err = (session.read_stdout(), session.read_stderr()) if ended else ("", "")
            code = session.returncode if ended else None
            session.close()
        except ValueError as error:
            # The API reports no exit code, so the command was not run.
            raise SuiteError(f"`{argv[0]}` did not start in {namespace}/{pod} {container}") from error
        except ApiException as error:
            raise SuiteError(
                f"the API did not run a command in {namespace}/{pod} {container}: {error.reason}"
            ) from error
        if code != 0:
            how = f"ended with exit code {code}" if ended else f"did not end within {deadline:g} s"
            raise SuiteError(f"`{argv[0]}` in {namespace}/{pod} {container} {how}", details=err or out)
        return str(out)

    def request_service(  # noqa: PLR0913
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
        """Send a request to a Service through the API server's proxy, which needs no open port and no client image."""
        where = f"/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy{path}"
        return self._request(method, where, body=body, headers=headers, check=False)

    def log(self, namespace: str, pod: str, container: str, *, previous: bool = False, lines: int = 2000) -> str:
        """Return the log of a container; "" if the API has none (any more)."""
        query = f"?container={container}&tailLines={lines}&previous={str(previous).lower()}"
        answer = self._raw("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}/log{query}", None, {}, retries=_READS)
        return answer.data.decode(errors="replace") if answer.status < HTTPStatus.MULTIPLE_CHOICES else ""

    def _request(
        self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None, check: bool = True
    ) -> Answer:
        retries = _READS if method == "GET" else False
        response = self._raw(method, path, body, dict(headers or {}), retries=retries)
        try:
            parsed = json.loads(response.data) if response.data else None
        except ValueError:
            parsed = None
        if check and (response.status >= HTTPStatus.MULTIPLE_CHOICES or parsed is None):
            raise SuiteError(f"{method} {path}: the API server answered {response.status}")
        return Answer(status=response.status, headers=dict(response.headers), body=parsed)

    def _raw(self, method: str, path: str, body: Any, headers: dict[str, str], *, retries: Retry | bool = False) -> Any:
        client = self.core.api_client
        configuration = client.configuration
        all_headers = {"Accept": "application/json", **headers}
        for setting in configuration.auth_settings().values():
            all_headers[setting["key"]] = setting["value"]
        if body is not None:
            all_headers["Content-Type"] = "application/json"
        try:
            return client.rest_client.pool_manager.request(
                method,
                configuration.host + path,
                body=None if body is None else json.dumps(body),
                headers=all_headers,
                timeout=_REQUEST,
                retries=retries,
            )
        except (HTTPError, OSError) as error:
            raise SuiteError(
                f"{method} {path}: the API server does not answer",
                fix="if this machine is overloaded, lower --parallel",
                details=str(error),
            ) from error
