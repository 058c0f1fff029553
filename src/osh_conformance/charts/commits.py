"""Charts inside git repositories: the files of one commit, fetched once into the cache.

The `git` program runs without the user's configuration, except for what reaches a server (proxies and certificates): a
catalog may come from a repository of somebody else, and nothing that it names may run a program here.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance import process
from osh_conformance.errors import SuiteError
from osh_conformance.folders import SCRATCH_MARK, Folders, default_folders, write_private
from osh_conformance.process import Command
from osh_conformance.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Seconds for a fetch, and for any other command of git.
_FETCH, _LOCAL = 600.0, 300.0
#: Seconds after which a fetch says that it is there.
_SLOW = 2.0
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SCHEMES = ("https", "http", "ssh", "git", "file")
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)")
#: `user@host:path`, which git reaches by ssh.
_SSH = re.compile(r"[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][\w.-]*:(?!:).+")
#: `ext::program`: git would run a program of that name.
_HELPER = re.compile(r"[A-Za-z0-9+.-]+::")
#: The user's settings that stay: they reach a server, and run nothing. `safe.directory` trusts a folder.
_KEPT = (
    r"^(safe\.directory|http\.(.*\.)?(proxy|proxyauthmethod|proxysslcainfo|proxysslcert|proxysslkey"
    r"|sslcainfo|sslcapath|sslcert|sslkey|sslverify|sslbackend))$"
)
_KEPT_VARIABLES = ("GIT_SSL_", "GIT_PROXY_SSL_")
_OPTIONS = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.version=2"),
    *("-c", "gc.auto=0", "-c", "maintenance.auto=false"),
)
#: What git says where a repository answers, and lacks the commit.
_ABSENT = ("not our ref", "unadvertised object", "couldn't find remote ref")


class FetchError(SuiteError):
    """A commit cannot be fetched; `field` is the field of the catalog that is wrong."""

    def __init__(self, field: str, message: str, *, expected: str = "", fix: str = "", details: str = "") -> None:
        super().__init__(message, expected=expected, fix=fix, details=details)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class GitCommit:
    """A commit in a repository: a URL, or the absolute path of a repository on this machine."""

    repository: str
    commit: str

    @classmethod
    def of(cls, repository: str, commit: str, folder: Path) -> GitCommit:
        """Return the commit that a catalog in `folder` names. Raises `FetchError` for a name that git must not get."""
        if not _COMMIT.fullmatch(commit.lower()):
            raise FetchError(
                "commit",
                f"`{commit}` is no commit id",
                expected="the full id: 40 hexadecimal digits, no branch, tag or short id",
                fix="git rev-parse '<branch or tag>^{commit}'",
            )
        return cls(repository=_address(repository, folder), commit=commit.lower())

    @property
    def shown(self) -> str:
        """The commit in a message."""
        return f"{self.repository}@{self.commit[:12]}"

    @property
    def place(self) -> Path:
        """The folder in the cache with the files of the commit, fetched or not.

        The id of a commit is a hash of its content, so a repository that is also reached by another URL is fetched
        once.
        """
        return default_folders().charts / self.commit

    def fetch(self) -> Path:
        """Fetch the commit unless the cache has it, and return its folder. Raises `FetchError`."""
        if self.place.is_dir():
            return self.place
        folders = default_folders()
        with _unfinished(folders, self.commit) as folder, Progress().slow(f"fetch {self.shown}", _SLOW):
            tree = _Git(folder).files(self)
            self.place.parent.mkdir(parents=True, exist_ok=True)
            try:
                tree.rename(self.place)
            except OSError:
                # Another process has finished it in the meantime.
                if not self.place.is_dir():
                    raise
        return self.place


def _address(repository: str, folder: Path) -> str:
    """Return a URL as it is, and a path as an absolute one."""
    expected = f"a URL ({', '.join(_SCHEMES)}), user@host:path, or the path of a repository on this machine"
    if not repository or repository.startswith("-") or not repository.isprintable():
        raise FetchError("git", f"`{repository}` is no repository", expected=expected)
    if url := _URL.fullmatch(repository):
        host = url["rest"].partition("/")[0]
        if url["scheme"] not in _SCHEMES or host.startswith("-"):
            raise FetchError("git", f"`{url['scheme']}://{host}` is no URL of a repository", expected=expected)
        # A user name may be a token, so this repeats neither.
        if url["scheme"].startswith("http") and "@" in host:
            raise FetchError(
                "git",
                f"the URL for {host.rpartition('@')[2]} contains a user name or password",
                expected="a URL without secrets: a catalog is a file for others to read",
                fix="put the login into ~/.netrc",
            )
        return repository
    if _SSH.fullmatch(repository):
        return repository
    if _HELPER.match(repository):
        raise FetchError("git", f"`{repository}` is no repository", expected=expected)
    path = (folder / repository).resolve()
    if not path.is_dir():
        raise FetchError("git", f"{path} does not exist", expected=expected)
    return str(path)


@contextlib.contextmanager
def _unfinished(folders: Folders, commit: str) -> Iterator[Path]:
    """Create a folder that is removed afterwards; its lock shows `gc` that it is in use."""
    folders.work.mkdir(parents=True, exist_ok=True)
    folder = folders.work / f"commit-{commit[:12]}-{secrets.token_hex(4)}"
    import filelock  # noqa: PLC0415  (only catalogs with commits need it, and every run imports this module)

    lock = filelock.FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        with lock:
            folder.mkdir(mode=0o700)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)


class _Git:
    """Runs git in a folder that holds a repository, an index and a tree of files for one fetch."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._repository = folder / "repository"
        self._configuration = Path("/dev/null")

    def files(self, source: GitCommit) -> Path:
        """Fetch a commit, and return a folder with its files."""
        self._configuration = self._kept_settings()
        self._run("init", "--quiet", "--bare", "--template=", self._repository)
        fetch = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--depth=1", "--")
        outcome = self._fetched(source, *fetch, source.repository, source.commit)
        if not outcome.ok:
            raise _unfetched(source, outcome.tail)
        kind = self._run("cat-file", "-t", source.commit).stdout.strip()
        if kind != "commit":
            raise FetchError(
                "commit",
                f"{source.commit} is no commit, but a {kind}",
                expected="the id of a commit",
                fix=f"git rev-parse '{source.commit}^{{commit}}'" if kind == "tag" else "",
            )
        tree = self._folder / "tree"
        tree.mkdir()
        self._run("read-tree", source.commit)
        self._run(f"--work-tree={tree}", "checkout-index", "--all", cwd=tree)
        _remove_links_out(tree)
        # Nothing looks for a repository, or for a configuration file, above this folder.
        (tree / ".git").mkdir(exist_ok=True)
        return tree

    def _fetched(self, source: GitCommit, *words: str) -> process.Outcome:
        try:
            return self._run(*words, deadline=_FETCH, check=False)
        except process.DeadlineError as error:
            raise _unfetched(source, str(error)) from error

    def _kept_settings(self) -> Path:
        """Write the settings that stay into a file. A process that git starts for a local repository reads it too."""
        found: list[tuple[str, str]] = []
        for scope in ("--system", "--global"):
            outcome = _config(scope, "--includes", "--null", "--get-regexp", _KEPT)
            entries = outcome.stdout.split("\0") if outcome.ok else ()
            found += [(key, value) for key, line, value in (entry.partition("\n") for entry in entries) if line]
        file = self._folder / "gitconfig"
        # Not by `git config`: a proxy's URL may hold a password, and everybody can read the arguments of a program.
        write_private(file, "".join(_setting(key, value) for key, value in found))
        return file

    def _run(
        self, *words: str | Path, deadline: float = _LOCAL, check: bool = True, cwd: Path | None = None
    ) -> process.Outcome:
        dropped = [
            name
            for name in os.environ
            if name == "SSH_ASKPASS" or (name.startswith("GIT_") and not name.startswith(_KEPT_VARIABLES))
        ]
        unset = [word for name in dropped for word in ("-u", name)]
        given = [f"{name}={value}" for name, value in self._environment().items()]
        repository = () if words[0] == "init" else (f"--git-dir={self._repository}",)
        argv = ("env", *unset, *given, "git", *_OPTIONS, *repository, *words)
        return process.run(Command(argv=argv, cwd=cwd), deadline=deadline, check=check)

    def _environment(self) -> Mapping[str, str]:
        return {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(self._configuration),
            "GIT_INDEX_FILE": str(self._folder / "index"),
            "GIT_ALLOW_PROTOCOL": ":".join(_SCHEMES),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
            "LC_ALL": "C",
            SCRATCH_MARK: str(self._folder),
        }


def _setting(key: str, value: str) -> str:
    """Return a setting as a configuration file has it: `http.https://host/.proxy` is `proxy` of `http "https://host/"`."""
    path, _, name = key.rpartition(".")
    section, _, part = path.partition(".")
    head = f"{section} {_quoted(part)}" if part else section
    return f"[{head}]\n\t{name} = {_quoted(value)}\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _config(*words: str | Path) -> process.Outcome:
    try:
        return process.run(("git", "config", *words), deadline=_LOCAL, check=False)
    except process.MissingProgramError as error:
        raise SuiteError(
            error.message, expected="git, for a chart inside a git repository", fix="install git"
        ) from error


def _unfetched(source: GitCommit, details: str) -> FetchError:
    if any(text in details for text in _ABSENT):
        return FetchError(
            "commit",
            f"{source.repository} has no commit {source.commit}",
            expected="a commit that the repository has, and serves by its id",
            details=details,
        )
    return FetchError(
        "git",
        f"{source.repository} cannot be fetched",
        expected="a repository that git reaches without a prompt",
        details=details,
    )


def _remove_links_out(tree: Path) -> None:
    """Remove symbolic links that lead out of the commit: there is nothing of it there."""
    top = os.path.realpath(tree)
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            path = Path(folder, name)
            if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(top):
                path.unlink()
