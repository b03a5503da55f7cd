"""The door to git for reading: light enough for a hook, with settings that a repository cannot bend.

``global_util.git`` is the door of the phases; importing it costs more than a whole validation of ten files.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress

from global_util.errors import EnvironmentFault

_KEPT = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")
_SETTINGS = (
    "core.fsmonitor=false",
    "core.quotePath=false",
    "diff.ignoreSubmodules=none",
    "log.showSignature=false",
    "index.threads=1",
)
"""The last one: starting threads takes longer than reading a large index with one."""
_FILTER_KEYS = r"^filter\..*\.(clean|process|required)$"
_WORDS = ["git", *(part for setting in _SETTINGS for part in ("-c", setting))]
_CHUNK = 1 << 18
Process = subprocess.Popen[bytes]
"""A git command that was started."""


class Git:
    """The repository that ``root`` lies in, at ``top``: ``folder`` is the worktree's own git folder, ``common`` the shared one."""

    def __init__(self, root: str, top: str, folder: str, common: str) -> None:
        self.root = root
        self.top = top
        self.folder = folder
        self.common = common
        self.environment = _environment(folder)
        self._unfiltered: dict[str, str] | None = None

    def run(self, *words: str, ok: tuple[int, ...] = (0,)) -> bytes | None:
        """Standard output of a git command; None for another exit code than ``ok``."""
        with self.start(*words) as process:
            said, _ = process.communicate()
        return said if process.returncode in ok else None

    def start(self, *words: str, feed: bool = False, compares: bool = False) -> Process:
        """A git command that is read while it runs. Raises EnvironmentFault (exit 4) without git.

        ``compares``: it looks into files of the working copy, for which git would run the filters that are configured.
        """
        try:
            return subprocess.Popen(
                [*_WORDS, *words],
                cwd=self.root,
                env=self._without_filters() if compares else self.environment,
                stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except FileNotFoundError:
            raise EnvironmentFault("git is not installed", "install git 2.39 or newer", "E402") from None

    def _without_filters(self) -> dict[str, str]:
        """An environment in which no filter of the repository is a program."""
        if self._unfiltered is None:
            listed = self.run("config", "--null", "--name-only", "--get-regexp", _FILTER_KEYS, ok=(0, 1)) or b""
            names = sorted(set(filter(None, os.fsdecode(listed).split("\0"))))
            settings = {"GIT_CONFIG_COUNT": str(len(names))}
            for number, name in enumerate(names):
                settings[f"GIT_CONFIG_KEY_{number}"] = name
                settings[f"GIT_CONFIG_VALUE_{number}"] = "false" if name.endswith(".required") else ""
            self._unfiltered = self.environment | settings
        return self._unfiltered

    @property
    def index(self) -> str:
        """The index file that counts: that of the commit being made, if there is one."""
        return self.environment.get("GIT_INDEX_FILE") or os.path.join(self.folder, "index")  # noqa: PTH118


def find_git(root: str) -> Git | None:
    """The git repository that a folder lies in, or None. Reads ``.git`` itself: asking git takes longer."""
    folder = root
    while True:
        place = os.path.join(folder, ".git")  # noqa: PTH118
        if os.path.isdir(place):  # noqa: PTH112
            return Git(root, folder, place, place)
        if os.path.isfile(place):  # noqa: PTH113
            return _linked(root, folder, place)
        above = os.path.dirname(folder)  # noqa: PTH120
        if above == folder:
            return None
        folder = above


def fields(process: Process) -> Iterator[list[str]]:
    """What a process writes between NUL bytes, in portions. Raises EnvironmentFault (exit 4) when git fails."""
    out = process.stdout
    assert out is not None
    with process:
        rest = b""
        while portion := os.read(out.fileno(), _CHUNK):
            done, found, rest = (rest + portion).rpartition(b"\0")
            if found:
                yield os.fsdecode(done).split("\0")
    if process.returncode:
        words = " ".join(str(word) for word in list(process.args)[len(_WORDS) :][:2])  # type: ignore[arg-type]
        raise EnvironmentFault(f"git {words}: exit {process.returncode}", "see what git status says", "E401")


def end(*processes: Process | None) -> None:
    """Nothing is left running, nor unread, when the reader stops early."""
    for process in processes:
        if process is not None and process.poll() is None:
            process.kill()
            process.communicate()
        for stream in (process.stdin, process.stdout) if process is not None else ():
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()


def _linked(root: str, folder: str, place: str) -> Git | None:
    """A worktree or submodule: ``.git`` is a file that names the git folder, which may name a shared one."""
    target = _first_line(place).removeprefix("gitdir: ")
    own = os.path.normpath(os.path.join(folder, target))  # noqa: PTH118
    if not target or not os.path.isdir(own):  # noqa: PTH112
        return None
    shared = _first_line(os.path.join(own, "commondir"))  # noqa: PTH118
    return Git(root, folder, own, os.path.normpath(os.path.join(own, shared)) if shared else own)  # noqa: PTH118


def _first_line(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            return os.fsdecode(stream.read(4096).split(b"\n")[0].rstrip(b"\r"))
    except OSError:
        return ""


def _environment(folder: str) -> dict[str, str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key in _KEPT}
    env.update(LC_ALL="C", GIT_TERMINAL_PROMPT="0", GIT_NO_REPLACE_OBJECTS="1", GIT_OPTIONAL_LOCKS="0")
    env.update(GIT_NO_LAZY_FETCH="1", GIT_ALLOW_PROTOCOL="none")  # older git knows only the second
    env["PATH"] = os.pathsep.join(part for part in env.get("PATH", os.defpath).split(os.pathsep) if part[:1] == "/")
    index = os.environ.get("GIT_INDEX_FILE")
    if index:
        path = os.path.abspath(index)  # noqa: PTH100
        if os.path.realpath(path).startswith(os.path.realpath(folder) + os.sep):
            env["GIT_INDEX_FILE"] = path
    return env
