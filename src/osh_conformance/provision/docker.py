"""Docker: which engine answers, what it says about itself, and its commands."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from osh_conformance import process
from osh_conformance import reference as grammar
from osh_conformance.errors import SuiteError
from osh_conformance.folders import DOCKER_RUN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The address of the Docker Engine that `setup` provides on a machine without one.
OUR_HOST = f"unix://{DOCKER_RUN}/docker.sock"
#: The labels and the names of the images that our recipes build. Not all base images have labels.
_OUR_LABELS = "osh-conformance."
#: Nobody can register a name below `.invalid`, so no registry can serve an image under these names (RFC 6761).
_OUR_NAMES = "osh-conformance.invalid/"
#: The repositories of the images that recipes build.
BUILDS = f"{_OUR_NAMES}build/"
_PROBE = 10.0
_QUICK = 60.0
#: A builder in a container, which a user may have chosen, neither finds nor leaves images in the engine. Attestations
#: would make an index of each image that we build.
_BUILDS = {"BUILDX_BUILDER": "default", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
_CGROUP_V1 = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """What an engine says about itself."""

    version: str
    #: "1" or "2".
    cgroup_version: str = ""
    rootless: bool = False
    podman: bool = False
    #: The URLs of the mirrors of Docker Hub that the engine asks first.
    mirrors: tuple[str, ...] = ()
    #: The hosts that the engine asks in plain HTTP, or without knowing their certificate.
    insecure: tuple[str, ...] = ()
    #: The proxies that the engine itself pulls through.
    https_proxy: str = ""
    no_proxy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Docker:
    """The docker program, and the address of the engine it talks to.

    `host` None: the program's own default. `endpoint` is the address that this means, "" if it is not known.
    """

    program: Path
    host: str | None
    endpoint: str = ""

    @property
    def address(self) -> str:
        """The address of the engine, for people and for comparisons."""
        return self.host or self.endpoint or "the default of the docker program"

    @property
    def env(self) -> Mapping[str, str]:
        """The environment variables for every program that talks to this engine."""
        # Programs other than docker and kind know no contexts. Only a local socket needs nothing but its address.
        local = self.endpoint.startswith("unix://") and not os.environ.get("DOCKER_TLS_VERIFY")
        address = self.host or (self.endpoint if local else "")
        return {**_BUILDS, **({"DOCKER_HOST": address} if address else {})}

    @property
    def ours(self) -> bool:
        """Whether `setup` provided this engine."""
        return self.host == OUR_HOST

    def run(
        self, *argv: str | Path, deadline: float = _QUICK, check: bool = True, log: Path | None = None
    ) -> process.Outcome:
        """Run `docker ARGV`; raises as `process.run` does."""
        command = process.Command(argv=(self.program, *argv), env=self.env, log=log)
        return process.run(command, deadline=deadline, check=check)

    def lines(self, *argv: str) -> Sequence[str]:
        """Run `docker ARGV` and return the lines it prints, without empty ones."""
        return [line for line in self.run(*argv).stdout.splitlines() if line.strip()]

    def info(self, deadline: float = _PROBE) -> EngineInfo:
        """Ask the engine about itself; raises `SuiteError` with the reason if it does not answer."""
        nobody = f"no Docker Engine answers at {self.address}"
        try:
            outcome = self.run("info", "--format", "{{json .}}", deadline=deadline, check=False)
        except process.DeadlineError as error:
            details = f"`docker info` did not end within {deadline:g} s"
            raise SuiteError(nobody, fix="restart the Docker Engine", details=details) from error
        seen = _parsed(outcome.stdout)
        if isinstance(seen.get("version"), dict) and "host" in seen:
            # The program is podman's, which answers in a format of its own.
            return EngineInfo(version=str(seen["version"].get("Version", "")), podman=True)
        if not seen.get("ServerVersion"):
            reasons = [str(reason) for reason in seen.get("ServerErrors") or ()]
            raise SuiteError(nobody, details="\n".join(reasons) or outcome.stderr.strip() or outcome.tail)
        # podman names no index. Its socket answers as Docker's does, except for the names of its components.
        return _engine_info(seen, podman=not seen.get("IndexServerAddress") and self._is_podman())

    def _is_podman(self) -> bool:
        argv = ("version", "--format", "{{json .Server.Components}}")
        return "podman" in self.run(*argv, deadline=_PROBE, check=False).stdout.lower()

    def has_image(self, reference: str) -> bool:
        """Whether the engine has an image of this name."""
        return self.run("image", "inspect", "--format", "{{.Id}}", reference, check=False).ok

    def pulled_digest(self, reference: str) -> str | None:
        """Return the digest of an image in its registry; None if it was not pulled by this name.

        In containerd's store every image has a digest. Since API 1.53 an engine also says which ones it pulled. With an
        older one, an image that the user built counts as pulled; ours are known by labels and names.
        """
        outcome = self.run("image", "inspect", "--format", "{{json .}}", reference, check=False)
        return _pulled_digest(_parsed(outcome.stdout), reference) if outcome.ok else None

    def container_proxies(self) -> Mapping[str, str]:
        """Return the proxy variables that the docker program sets in containers, by its configuration file."""
        folder = os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker"
        try:
            proxies = _parsed((Path(folder) / "config.json").read_text()).get("proxies")
        except (OSError, UnicodeDecodeError):
            return {}
        if not isinstance(proxies, dict):
            return {}
        chosen = proxies.get(self.host or self.endpoint, proxies.get("default"))
        fields = {"HTTP_PROXY": "httpProxy", "HTTPS_PROXY": "httpsProxy", "NO_PROXY": "noProxy"}
        values = chosen if isinstance(chosen, dict) else {}
        return {name: str(values[field]) for name, field in fields.items() if values.get(field)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An engine that the user chose: nothing else may be used in its place."""

    #: As in `DOCKER_HOST names tcp://far:2375`.
    words: str
    #: As in `unset DOCKER_HOST`.
    undo: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The engine that answers, or None and the reason.

    With `refused`, an engine answers or was chosen that this suite cannot use; no other one may take its place.
    """

    docker: Docker | None = None
    info: EngineInfo | None = None
    problem: str = ""
    refused: bool = False


def find() -> Found:
    """Ask the engines of this machine in turn; return the first one that answers, unless this suite cannot use it."""
    problem = "no docker program on PATH"
    for candidate in candidates():
        if reason := refusal(candidate):
            return Found(problem=reason, refused=True)
        try:
            info = candidate.info()
        except SuiteError as error:
            problem = f"{error.message}: {error.details}".rstrip(": .?!")
            continue
        if reason := refusal(candidate, info):
            return Found(problem=reason, refused=True)
        return Found(docker=candidate, info=info)
    return Found(problem=problem)


def refusal(docker: Docker, info: EngineInfo | None = None) -> str:
    """Return why this suite cannot use an engine, with what it expects and how to fix it; "" if it can.

    Without `info` only the address is judged, so that nobody waits for a machine that is far away.
    """
    if _is_remote(docker.endpoint or docker.host or ""):
        selected = choice()
        undo = f"{selected.undo}, or run" if selected else "run"
        return (
            f"the Docker engine at {docker.address} is on another machine; "
            "expected: an engine on this machine, because the cluster and its registry listen on its 127.0.0.1; "
            f"fix: {undo} osh-conformance on that machine"
        )
    if info and info.podman:
        return (
            f"the engine at {docker.address} is podman {info.version}; "
            "expected: Docker, because nodes and their registry use networks and mounts as Docker makes them; "
            "fix: install Docker, or name its socket in DOCKER_HOST"
        )
    if info and info.rootless and info.cgroup_version == _CGROUP_V1:
        return (
            f"the Docker engine at {docker.address} is rootless and has cgroup v1; "
            "expected: cgroup v2, because Kubernetes cannot limit containers in a rootless node on cgroup v1; "
            "fix: boot with systemd.unified_cgroup_hierarchy=1, or use a Docker engine that runs as root"
        )
    return ""


def choice() -> Choice | None:
    """Return the user's choice of an engine; None if there is none, or if it is our own engine."""
    if host := os.environ.get("DOCKER_HOST"):
        words = f"DOCKER_HOST names {host}"
        return None if host == OUR_HOST else Choice(words=words, undo="unset DOCKER_HOST")
    name = os.environ.get("DOCKER_CONTEXT", "")
    if name:
        words = f"DOCKER_CONTEXT names `{name}`"
        return None if name == "default" else Choice(words=words, undo="unset DOCKER_CONTEXT")
    found = shutil.which("docker")
    name = _context(Path(found))[0] if found else ""
    if name in ("", "default"):
        return None
    return Choice(words=f"the current Docker context is `{name}`", undo="run `docker context use default`")


def candidates() -> Sequence[Docker]:
    """Return the engines to try, in order: the one that the user chose alone, or else the default one, then ours."""
    found = shutil.which("docker")
    if found is None:
        return ()
    program = Path(found)
    ours = Docker(program=program, host=OUR_HOST, endpoint=OUR_HOST)
    if host := os.environ.get("DOCKER_HOST"):
        endpoint = host if "://" in host else f"tcp://{host}"
        return (ours if host == OUR_HOST else Docker(program=program, host=host, endpoint=endpoint),)
    name, endpoint = _context(program)
    default = Docker(program=program, host=None, endpoint=endpoint)
    chosen = name not in ("", "default")
    # Only root can use ours.
    can_be_ours = os.access(DOCKER_RUN, os.X_OK) and (DOCKER_RUN / "docker.sock").exists()
    return (default, ours) if can_be_ours and not chosen else (default,)


def _context(program: Path) -> tuple[str, str]:
    """Return the name of the context in use, and the address of its engine; "" for what is not known.

    A context that `DOCKER_CONTEXT` names need not exist.
    """
    named = os.environ.get("DOCKER_CONTEXT", "")
    argv = (program, "context", "inspect", "--format", "{{.Name}} {{.Endpoints.docker.Host}}")
    try:
        outcome = process.run(argv, deadline=_PROBE, check=False)
    except SuiteError:
        return named, ""
    name, _, endpoint = outcome.stdout.strip().partition(" ")
    return (name, endpoint) if outcome.ok else (named, "")


def _is_remote(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        # The docker program says what is wrong with it.
        return False
    if parts.scheme == "ssh":
        return True
    # A path such as that of a socket or a named pipe is of this machine.
    if parts.scheme not in ("tcp", "http", "https") or parts.hostname in (None, "localhost"):
        return False
    try:
        return not ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return True


def _parsed(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _engine_info(seen: Mapping[str, Any], *, podman: bool) -> EngineInfo:
    registries = seen.get("RegistryConfig") or {}
    known = registries.get("IndexConfigs") or {}
    options = [str(option).split(",") for option in seen.get("SecurityOptions") or ()]
    return EngineInfo(
        version=str(seen["ServerVersion"]),
        cgroup_version=str(seen.get("CgroupVersion", "")),
        rootless=any("name=rootless" in option for option in options),
        podman=podman,
        mirrors=tuple(registries.get("Mirrors") or ()),
        insecure=tuple(name for name, each in known.items() if each.get("Secure") is False),
        https_proxy=str(seen.get("HttpsProxy", "")),
        no_proxy=str(seen.get("NoProxy", "")),
    )


def _pulled_digest(image: Mapping[str, Any], reference: str) -> str | None:
    labels = (image.get("Config") or {}).get("Labels") or {}
    names = map(str, image.get("RepoTags") or ())
    if any(label.startswith(_OUR_LABELS) for label in labels) or any(name.startswith(_OUR_NAMES) for name in names):
        return None
    wanted = grammar.parse(reference)
    identity = image.get("Identity")
    if identity is not None:
        pulled = {_repository(str(pull.get("Repository", ""))) for pull in identity.get("Pull") or ()}
        if wanted.name not in pulled:
            return None
    for text in image.get("RepoDigests") or ():
        repository, _, digest = str(text).partition("@")
        if _repository(repository) == wanted.name and wanted.digest in (None, digest):
            return digest
    return None


def _repository(text: str) -> str:
    """Return a repository's name in full: Docker leaves out docker.io and library/."""
    try:
        return grammar.parse(text).name
    except grammar.InvalidReferenceError:
        return text
