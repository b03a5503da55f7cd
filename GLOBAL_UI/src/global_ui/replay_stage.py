"""Where a replay plays: a bare clone in a folder of its own that borrows the objects of the repository.

Nothing is written outside that folder. Git may set the time of an object file of the repository anew when the clone writes
the same object; contents, refs, configuration and state of the repository stay as they are.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from global_aim.copies import find_copies, put
from global_core_state.store import Store
from global_util.contracts.git_operation_log import GitOperationLog, Operation
from global_util.contracts.phase_plan import PhasePlan
from global_util.contracts.workstream_set import WorkstreamSet
from global_util.files import write_atomically
from global_util.git import Git, GitError, Repository

from global_ui.recorded_run import RecordedRun

_DECIDING = re.compile(r"core\.(autocrlf|eol|excludesfile|ignorecase|precomposeunicode)|filter\..*|user\.(name|email)")
"""Settings of a repository that decide what its files look like to git, and who commits."""
_FILES = ("info/attributes", "info/exclude", "shallow")


@dataclass(frozen=True)
class Stage:
    """``repo`` is the clone; ``settings`` are what all phases find configured there."""

    folder: Path
    repo: Repository
    settings: Mapping[str, Any]

    @classmethod
    def build(cls, run: RecordedRun, folder: Path) -> Stage:
        """Lay the clone as the repository was when the run began."""
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / "repository.git"
        form = run.repo.run("rev-parse", "--show-object-format").decode().strip()
        Git(folder, folder).run("init", "--bare", "--quiet", "--template=", f"--object-format={form}", str(place))
        _borrow(run.repo, place)
        repo = Repository(place, place, folder / "files")
        settings = run.settings(folder / "worktrees")
        _copy_files(run, folder / "files", settings.get("worktree.copy") or ())
        _configure(run.repo, repo)
        _set_refs(run, repo)
        _begin(run, repo)
        return cls(folder, repo, settings)

    def before_landing(self, run: RecordedRun) -> None:
        """Put the target branch where it was when the run landed, checked out if it was."""
        moved = _move(run)
        if moved is None:
            return
        ref, before = moved.before[0].ref, moved.before[0].oid
        now = self.repo.resolve(ref)
        if before and before != now:
            self.repo.update_ref(ref, before, now, "phaseline: replay")
        if before and moved.detail.get("checked_out"):
            branch = ref.removeprefix("refs/heads/")
            self.repo.run("worktree", "add", "--quiet", str(self.folder / "checkout"), branch)


def _borrow(source: Repository, place: Path) -> None:
    """Let git look for objects in the repository, and copy what decides how it reads them."""
    objects = os.fsencode(source.common_dir / "objects")
    quoted = objects.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    write_atomically(place / "objects/info/alternates", b'"' + quoted + b'"\n')
    (place / "info").mkdir(exist_ok=True)
    for name in _FILES:
        if (source.common_dir / name).is_file():
            shutil.copyfile(source.common_dir / name, place / name)


def _copy_files(run: RecordedRun, main: Path, patterns: Sequence[str]) -> None:
    """What ``worktree.copy`` takes from the user's own checkout is taken from here."""
    main.mkdir()
    for copy in find_copies(run.repo.worktree, patterns):
        if not copy.fault:
            put(main, copy)


def _configure(source: Repository, clone: Repository) -> None:
    rows = source.run("config", "--list", "--includes", "--show-scope", "-z").split(b"\0")
    for scope, row in zip(rows[::2], rows[1::2], strict=False):
        key, _, value = row.partition(b"\n")
        if scope in (b"local", b"worktree") and _DECIDING.fullmatch(os.fsdecode(key)):
            clone.run("config", "--add", key, value)


def _set_refs(run: RecordedRun, clone: Repository) -> None:
    base = run.take(PhasePlan).base
    moved = _move(run)
    wanted = {f"refs/heads/{base.branch}": base.commit}
    if moved and moved.before[0].oid:
        wanted.setdefault(moved.before[0].ref, moved.before[0].oid)
    began = f"refs/pipeline/runs/{run.execution}/run"
    wanted[began] = run.repo.resolve(began) or base.commit
    clone.run("symbolic-ref", "HEAD", f"refs/heads/{base.branch}")
    for ref, commit in wanted.items():
        clone.update_ref(ref, commit, None, "phaseline: replay")


def _move(run: RecordedRun) -> Operation | None:
    """How the target branch moved; None when nothing landed."""
    operations = run.take(GitOperationLog).operations
    return next((one for one in reversed(operations) if one.op in ("update_ref", "sync_worktree")), None)


def _begin(run: RecordedRun, clone: Repository) -> None:
    """Make the run known to the clone under its own id, as it is after PH0."""
    planned = run.take(WorkstreamSet)
    store = Store(clone.state_dir / "state.db")
    try:
        store.create_run(run.execution, planned.run_clock, planned.plan.id)
        for workstream in planned.workstreams:
            store.create_workstream(run.execution, workstream.id, workstream.depends_on)
        store.move_run(run.execution, "running", "ph0")
        store.move_run(run.execution, "idle", "ph0")
    finally:
        store.close()


@contextmanager
def committing_as(run: RecordedRun) -> Iterator[None]:
    """Let landing commits have the author that they had: he is part of their ids, and configured elsewhere."""
    names = dict(zip(("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"), _author(run), strict=False))
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        _restore(before)


def _restore(before: Mapping[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _author(run: RecordedRun) -> list[str]:
    """Name and address in the first landing commit; nothing when none was made, or git has lost it."""
    commits = run.take(GitOperationLog).commits
    try:
        words = ("show", "-s", "--no-show-signature", "--format=%an%n%ae", "--end-of-options")
        return run.repo.sealed(*words, commits[0].commit).stdout.decode().splitlines() if commits else []
    except (GitError, UnicodeDecodeError):
        return []
