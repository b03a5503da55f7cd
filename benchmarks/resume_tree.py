"""A repository with a large run that was killed, for measuring how fast it goes on: the same count gives the same run.

All that decides how a run goes on is made by the line itself, in a process that ``drive`` starts: plan, artifacts, events,
journal, folders of tries. Three things are replaced there, because they would take hours: a try is answered with a commit
that ``git fast-import`` made before (its files are named as those of a real try), what changed between two trees is known
without asking git, and SQLite does not wait for the disk. The process then kills itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

RUN = "EXEC-2026-01-01-001"
LAYER = 10
"""A tenth of the workstreams needs nothing, each other needs one of the tenth before."""
TOOL = ("true",)
LEFT = ("change.patch", "ended.json", "prompt.txt", "stderr.log", "stdout.log", "try.json")
SETTINGS = ("--set", "checks.enabled=[]", "--set", 'policy.unverified="save"')
MOMENTS = ("half", "ph7", "end")
"""Where the run is killed: half of the way through PH2, as PH7 begins, and never."""


def environment(folder: Path) -> dict[str, str]:
    """A home of its own, and a fixed clock for the run."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "XDG_"))}
    return {
        **kept,
        "HOME": str(folder / "home"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "SOURCE_DATE_EPOCH": "1767225600",
        "NO_COLOR": "1",
    }


def git(folder: Path, *words: str, stdin: bytes = b"") -> str:
    """What git says in the repository."""
    done = subprocess.run(
        ["git", *words], cwd=folder / "repo", env=environment(folder), input=stdin, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


def name_of(number: int) -> str:
    """The id of a workstream."""
    return f"ws-{number:06}"


def path_of(number: int) -> str:
    """The file that a workstream writes."""
    return f"src/{number % 100:02}/{number:06}.txt"


def lay(folder: Path, count: int) -> None:
    """A repository, a plan of ``count`` workstreams, and a commit for each."""
    for place in ("repo", "plan", "home"):
        (folder / place).mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    width = count // LAYER
    for number in range(count):
        bundle: dict[str, Any] = {
            "id": name_of(number),
            "title": f"Change number {number}",
            "files_scope": [{"path": path_of(number)}],
            "tasks": [f"Write file {number}", "Say in it what it is"],
            "acceptance_tests": ["It reads well"],
            "depends_on": [name_of(number - width)] if number >= width else [],
        }
        (folder / "plan" / f"{name_of(number)}.json").write_text(json.dumps(bundle), "utf-8")
    git(folder, "fast-import", "--quiet", f"--export-marks={folder}/marks", stdin=_commits(count, width))
    git(folder, "reset", "--quiet", "--hard", "main")
    marks = dict(line.split() for line in (folder / "marks").read_text("utf-8").splitlines())
    commits = [marks[f":{number + 1}"] for number in range(2 * count + 1)]
    asked = "".join(f"{oid}^{{tree}}\n" for oid in commits).encode()
    trees = git(folder, "cat-file", "--batch-check=%(objectname)", stdin=asked).split()
    (folder / "made.json").write_text(json.dumps(list(zip(commits, trees, strict=True))), "utf-8")


def _commits(count: int, width: int) -> bytes:
    """What fast-import reads: a base with the tool, the head of every workstream, and all of them one after the other."""

    def commit(mark: int, ref: str, path: str, text: str, before: str) -> str:
        who = "Ada <ada@example.org> 1767225600 +0000"
        head = f"commit {ref}\nmark :{mark}\ncommitter {who}\ndata 4\nmade\n{before}"
        return f"{head}M 100644 inline {path}\ndata {len(text)}\n{text}\n"

    tool = f"[tools.mine]\ncommand = {json.dumps(TOOL)}\n"
    told = [commit(1, "refs/heads/main", "pipeline.toml", tool, "")]
    for number in range(count):
        before = number - width + 2 if number >= width else 1
        told.append(commit(number + 2, "refs/made/all", path_of(number), f"{number}\n", f"from :{before}\n"))
    for number in range(count):
        before = number + count + 1 if number else 1
        told.append(commit(number + count + 2, "refs/made/line", path_of(number), f"{number}\n", f"from :{before}\n"))
    return "".join(told).encode()


def drive(folder: Path, moment: str) -> None:
    """Begin the run, or go on with it, until it is killed at ``moment``."""
    argv = [sys.executable, __file__, str(folder), moment]
    done = subprocess.run(argv, cwd=folder / "repo", env=environment(folder), capture_output=True, check=False)
    if done.returncode not in (0, -signal.SIGKILL):
        sys.exit(f"the run did not get to {moment}: exit {done.returncode}\n{done.stderr.decode()[-2000:]}")


class Known:
    """Commits and trees by what they were made from, so that no git process has to be asked."""

    def __init__(self, made: list[list[str]]) -> None:
        self.count = len(made) // 2
        self.base, self.heads, self.line = made[0], made[1 : self.count + 1], made[self.count + 1 :]
        width = self.count // LAYER
        befores = [self.heads[number - width] if number >= width else self.base for number in range(self.count)]
        self.files: dict[tuple[str, str], int] = {}
        for number, (before, after) in enumerate(zip(befores, self.heads, strict=True)):
            self.files[before[1], after[1]] = number
        for number, (before, after) in enumerate(zip([self.base, *self.line], self.line, strict=False)):
            self.files[before[1], after[1]] = number
        self.after = {(before, number): after for (before, after), number in self.files.items()}

    def diff(self, before: str, after: str) -> tuple[Any, ...]:
        """The one file that is new."""
        from global_util.contracts.item import Change

        number = self.files[before, after]
        text = f"{number}\n".encode()
        blob = hashlib.sha1(b"blob %d\0" % len(text) + text, usedforsecurity=False).hexdigest()
        modes = {"old_mode": "000000", "new_mode": "100644"}
        return (Change(path=path_of(number), status="A", old_blob="0" * 40, new_blob=blob, **modes),)  # type: ignore[arg-type]

    def join(self, _repo: Any, onto: str, base: str, head: str) -> Any:
        """The tree with one file more."""
        from global_util.merge import Joined

        return Joined(self.after[onto, self.files[base, head]], "path")

    def attempt(self, ctx: Any, request: Any) -> Any:
        """What a try leaves: its files, its ref, its answer."""
        from global_util.attempt import AttemptResult
        from global_util.contracts.base import content_id

        name = request.workstream_id
        commit, tree = self.heads[int(name[3:])]
        places = [ctx.run_dir / "ws" / name / "1" / file for file in LEFT]
        places += [ctx.run_dir / "recording" / name / file for file in ("1.json", "1.patch")]
        for place in places:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(f"{name} {place.name}\n" * 10, "utf-8")
        ref = ctx.repo.common_dir / "refs/pipeline/runs" / ctx.execution_id / name
        ref.parent.mkdir(parents=True, exist_ok=True)
        ref.write_text(commit + "\n", "ascii")
        call = {"n": request.n, "tool": request.tool, "outcome": "ok", "exit_code": 0, "change": content_id(name)}
        told = {"head": {"commit": commit, "tree": tree}, "scope": {"verdict": "inside"}, "call": call}
        return AttemptResult.model_validate_json(json.dumps({**told, "usage": {"milliseconds": 1000}}))


def commit_of(repo: Any, tree: str, parents: Sequence[str], message: str, person: Any, epoch: int) -> str:
    """A commit, as a loose object that git did not write."""
    who = f"{person.name} <{person.email}> {epoch} +0000"
    above = "".join(f"parent {parent}\n" for parent in parents)
    body = f"tree {tree}\n{above}author {who}\ncommitter {who}\n\n{message}".encode()
    content = b"commit %d\0" % len(body) + body
    oid = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    place = repo.common_dir / "objects" / oid[:2] / oid[2:]
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(zlib.compress(content, 1))
    return oid


def _drive(folder: Path, moment: str) -> None:
    from global_core_state import context, store
    from global_util.git import Repository
    from ph6_finalization_prep import combine

    known = Known(json.loads((folder / "made.json").read_text("utf-8")))
    left = known.count // 2 if moment == "half" else known.count
    found, project, opened, diff = context.service, store.project, store.open_database, Repository.diff

    def attempt(ctx: Any, request: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return known.attempt(ctx, request)

    def die(db: Any, event: Any) -> None:
        if event.type == "phase_began" and event.about["phase"] == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        project(db, event)

    def careless(place: Path) -> Any:
        connection = opened(place)
        connection.execute("pragma synchronous=off")
        return connection

    replaced: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
        (context, "service", lambda name: attempt if name == "attempt" else found(name)),
        (store, "project", die),
        (store, "open_database", careless),
        (Repository, "diff", lambda repo, *trees: known.diff(*trees) if trees in known.files else diff(repo, *trees)),
        (combine, "join", known.join),
        (Repository, "paths_of", lambda _repo, _tree: ()),
        (Repository, "commit", commit_of),
    )
    for place, name, instead in replaced:
        setattr(place, name, instead)
    from global_ui.cli import main

    begun = (folder / "repo/.git/phaseline/state.db").exists()
    words = ["--resume"] if begun else [str(folder / "plan"), "--tool", "mine", "--jobs", "2", *SETTINGS]
    main(["run", *words])


if __name__ == "__main__":
    _drive(Path(sys.argv[1]), sys.argv[2])
