"""The one door to git: every git process is started here, with settings that a repository cannot bend.

Two ways in. ``Git.run`` works in a real repository (its configuration counts, but hooks, monitors, signing and editors
are off). ``Git.sealed`` works on the same objects through a private git folder of ours, without any configuration,
attributes or refs of the user's: merges and object writing give the same result on every machine.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from global_util import disk
from global_util.disk import DiskFault
from global_util.errors import EnvironmentFault
from global_util.files import write_atomically

FLOOR = (2, 39)
"""The oldest git that is supported."""

_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.quotePath": "false",
    "core.editor": "true",
    "core.pager": "cat",
    "core.filesRefLockTimeout": "2000",
    "commit.gpgSign": "false",
    "tag.gpgSign": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "diff.external": "",
    "diff.renames": "false",
    "diff.renameLimit": "7000",
    "diff.noprefix": "false",
    "diff.mnemonicPrefix": "false",
    "diff.ignoreSubmodules": "none",
    "submodule.recurse": "false",
    "advice.detachedHead": "false",
    "checkout.workers": "1",
    "worktree.useRelativePaths": "false",
    "protocol.ext.allow": "never",
}
_SEALED_SETTINGS = {
    "core.attributesFile": "/dev/null",
    "merge.renames": "true",
    "merge.directoryRenames": "false",
    "merge.renameLimit": "7000",
    "merge.conflictStyle": "merge",
    "merge.renormalize": "false",
}
_KEPT_GIT_VARIABLES = (
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_SSH_COMMAND",
    "GIT_SSH",
    "GIT_ASKPASS",
)
TIMEOUT_S = 600


class GitError(EnvironmentFault):
    """A git command failed that should not have. ``stderr`` is all that git said."""

    code = "E401"
    stderr = ""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The caller's environment without the variables by which git could be led astray."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key in _KEPT_GIT_VARIABLES}
    env.update(LC_ALL="C", GIT_TERMINAL_PROMPT="0", GIT_NO_REPLACE_OBJECTS="1", GIT_OPTIONAL_LOCKS="0")
    env.update(extra or {})
    return env


def settings(values: Mapping[str, str]) -> list[str]:
    """Settings as ``-c key=value`` arguments."""
    return [part for key, value in values.items() for part in ("-c", f"{key}={value}")]


def sealed_words(argv: Sequence[str | bytes]) -> list[str | bytes]:
    """A command with the settings of ``Git.sealed``."""
    return [*settings({**_SETTINGS, **_SEALED_SETTINGS}), *argv]


def start(
    argv: Sequence[str | bytes], *, cwd: Path, stdin: bytes = b"", env: Mapping[str, str], ok: Sequence[int] = (0,)
) -> subprocess.CompletedProcess[bytes]:
    """Run git and wait. Raises GitError for an exit code outside ``ok``, EnvironmentFault when git is missing."""
    try:
        done = subprocess.run(
            ["git", *argv], cwd=cwd, input=stdin, capture_output=True, env=dict(env), timeout=TIMEOUT_S, check=False
        )
    except OSError as fault:
        if not cwd.is_dir():
            raise GitError(f"git {shown(argv)}: {cwd}: no such folder") from None
        if not isinstance(fault, FileNotFoundError):
            raise
        raise EnvironmentFault("git is not installed", "install git 2.39 or newer", "E402") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"git {shown(argv)}: no answer within {TIMEOUT_S} s") from None
    if done.returncode not in ok:
        told = f"git {shown(argv)}: exit {done.returncode}: {_fault(done.stderr)}"
        raise failure(told, done.stderr.decode("utf-8", "replace"))
    return done


def failure(told: str, stderr: str) -> EnvironmentFault:
    """What to raise for a command that failed: GitError, or DiskFault when git says that it could not write."""
    if disk.git_says_so(stderr):
        return DiskFault(told)
    failed = GitError(told)
    failed.stderr = stderr
    return failed


def launch(argv: Sequence[str | bytes], *, cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start git for several requests. Signals from a terminal are not for it: it ends with its input."""
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(
            ["git", *argv], cwd=cwd, env=dict(env), stdin=pipe, stdout=pipe, stderr=pipe, process_group=0
        )
    except FileNotFoundError:
        raise EnvironmentFault("git is not installed", "install git 2.39 or newer", "E402") from None


def _fault(stderr: bytes) -> str:
    """The line that says what is wrong; hints go before and after it."""
    lines = stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"]
    return next((line for line in lines if line.startswith(("fatal: ", "error: "))), lines[-1])


def shown(argv: Sequence[str | bytes]) -> str:
    """A command without its settings, as messages name it."""
    words = [part.decode("utf-8", "replace") if isinstance(part, bytes) else part for part in argv]
    while len(words) > 1 and words[0] == "-c":
        words = words[2:]
    return " ".join(words[:6])


class Git:
    """Git at one place: ``cwd`` is a folder of a repository, ``common_dir`` its shared git folder."""

    def __init__(self, cwd: Path, common_dir: Path) -> None:
        self.cwd = cwd
        self.common_dir = common_dir
        self._surroundings = environment()

    def run(
        self,
        *argv: str | bytes,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        ok: Sequence[int] = (0,),
        config: Mapping[str, str] | None = None,
    ) -> bytes:
        """Standard output of a git command in the real repository."""
        words = [*settings({**_SETTINGS, **(config or {})}), *argv]
        return start(words, cwd=self.cwd, stdin=stdin, env={**self._surroundings, **(env or {})}, ok=ok).stdout

    def asks(self, *argv: str | bytes) -> bool:
        """Whether a git command exits with 0 (1 is no; anything else is an error)."""
        return start([*settings(_SETTINGS), *argv], cwd=self.cwd, env=self._surroundings, ok=(0, 1)).returncode == 0

    def sealed(
        self, *argv: str | bytes, stdin: bytes = b"", env: Mapping[str, str] | None = None, ok: Sequence[int] = (0,)
    ) -> subprocess.CompletedProcess[bytes]:
        """A git command that sees the objects of the repository and nothing else of it."""
        folder, surroundings = self.seal()
        return start(sealed_words(argv), cwd=folder, stdin=stdin, env={**surroundings, **(env or {})}, ok=ok)

    def seal(self) -> tuple[Path, dict[str, str]]:
        """The folder and the environment in which git sees objects only."""
        folder = self._sealed_folder()
        sealed = {
            "GIT_DIR": str(folder),
            "GIT_OBJECT_DIRECTORY": str(self.common_dir / "objects"),
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ATTR_NOSYSTEM": "1",
        }
        return folder, {**self._surroundings, **sealed}

    def _sealed_folder(self) -> Path:
        folder = self.common_dir / "phaseline" / "sealed.git"
        if not (folder / "HEAD").exists():
            self._make_sealed(folder)
        return folder

    def _make_sealed(self, folder: Path) -> None:
        form = self.run("rev-parse", "--show-object-format").decode().strip()
        version = 0 if form == "sha1" else 1
        extension = "" if form == "sha1" else f"[extensions]\n\tobjectFormat = {form}\n"
        for part in ("refs/heads", "objects", "info"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        write_atomically(
            folder / "config", f"[core]\n\trepositoryformatversion = {version}\n\tbare = true\n{extension}".encode()
        )
        write_atomically(folder / "HEAD", b"ref: refs/heads/none\n")
