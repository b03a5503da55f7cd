"""Landing a commit plan: the commits are made first and anchored, then one ref moves. No content is merged here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from global_util import clock
from global_util.contracts.commit_plan import CommitGroup, CommitPlan
from global_util.contracts.git_operation_log import LandedCommit, Operation, RefState
from global_util.git import Person, Repository


@dataclass
class Landing:
    """One plan on its way into one branch."""

    repo: Repository
    plan: CommitPlan
    run_clock: str
    dry_run: bool
    operations: list[Operation] = field(default_factory=list)
    commits: list[LandedCommit] = field(default_factory=list)

    @property
    def ref(self) -> str:
        """The branch that moves."""
        return f"refs/heads/{self.plan.target_branch}"

    def make_commits(self) -> str:
        """Write the commits of all groups on the plan's base; the new tip."""
        tip = self.plan.base_commit
        epoch = max(clock.epoch_of(self.run_clock), self.repo.date_of(tip))
        person = self.repo.user()
        for group in self.plan.commit_groups:
            tip = self._commit(group, tip, person, epoch)
        return tip

    def _commit(self, group: CommitGroup, parent: str, person: Person, epoch: int) -> str:
        """Linear: one commit. Semi-linear: the commit, and a merge commit that says which workstream it was.

        What PH6 wrote itself is of no workstream, and always one commit.
        """
        commit = self.repo.commit(group.proven_tree, (parent,), self._message(group), person, epoch)
        if self.plan.strategy == "ff_only" or not group.workstreams:
            self._tell(group, commit)
            return commit
        title = f"Merge {group.workstreams[0]}: {group.description}"
        message = " ".join(title.split()) + "\n\n" + self._trailers(group)
        merge = self.repo.commit(group.proven_tree, (parent, commit), message, person, epoch)
        self._tell(group, commit, merge)
        return merge

    def _tell(self, group: CommitGroup, commit: str, merge: str | None = None) -> None:
        made = {"commit": commit, "merge": merge} if merge else {"commit": commit}
        for op, oid in made.items():
            self._log(op, "", None, oid, {"group": group.group_id, "tree": group.proven_tree, "commit": oid}, ())
        self.commits.append(LandedCommit(group_id=group.group_id, commit=commit, merge=merge))

    def recall(self, tip: str, old: str | None, anchors: Mapping[str, str | None]) -> None:
        """Tell again what an earlier try made, anchored and landed: its commits end in ``tip``, the branch was at ``old``."""
        words = ("rev-list", "--first-parent", "--parents", f"--max-count={len(self.plan.commit_groups)}", tip)
        rows = [row.split() for row in reversed(self.repo.run(*words).decode().splitlines())]
        for group, (made, *parents) in zip(self.plan.commit_groups, rows, strict=True):
            self._tell(group, *((parents[1], made) if len(parents) > 1 else (made,)))
        for name, commit in anchors.items():
            if commit:
                self._tell_anchor(name, None, commit)
        self._tell_move(tip, old, bool(self.repo.checkouts(self.plan.target_branch)))

    def _message(self, group: CommitGroup) -> str:
        return f"{group.commit_message.rstrip()}\n\n{self._trailers(group)}"

    def _trailers(self, group: CommitGroup) -> str:
        lines = {**group.trailers, "Commit-Plan": self.plan.artifact_id}
        return "".join(f"{key}: {value}\n" for key, value in lines.items())

    def anchor(self, name: str, commit: str) -> None:
        """Keep a commit reachable under a private ref of this run. An earlier try may have done so, and then was killed."""
        before = self.repo.resolve(name)
        if not self.dry_run and before != commit:
            self.repo.update_ref(name, commit, before, "phaseline: anchor")
        self._tell_anchor(name, None if before == commit else before, commit)

    def _tell_anchor(self, name: str, before: str | None, commit: str) -> None:
        undo = ("git", "update-ref", "-d", name) if before is None else ("git", "update-ref", name, before)
        self._log("anchor", name, before, commit, {}, undo)

    def move(self, tip: str, old: str | None) -> None:
        """Let the target branch point to the new tip, with the files of a worktree that has it checked out."""
        places = self.repo.checkouts(self.plan.target_branch)
        if not self.dry_run:
            folder = f".pipeline/runs/{self.plan.execution_id}/artifacts"
            again = f"ph7 run --in {folder}/commit_plan.v1.json"
            self.repo.advance(self.plan.target_branch, tip, old, f"phaseline: {self.plan.commit_plan_id}", again)
        self._tell_move(tip, old, bool(places))

    def _tell_move(self, tip: str, old: str | None, checked_out: bool) -> None:
        undo: tuple[str, ...] = ("git", "update-ref", "-d", self.ref, tip)
        if old:
            undo = ("git", "update-ref", self.ref, old, tip)
        if old and checked_out:
            undo = ("git", "-C", "<checkout of the branch>", "reset", "--keep", old)
        op = "sync_worktree" if old and checked_out else "update_ref"
        self._log(op, self.ref, old, tip, {"checked_out": checked_out}, undo)

    def note_replan(self, old: str, new: str) -> None:
        """The target had moved: a plan on its new tip took the place of the first."""
        self._log("replan", self.ref, old, new, {"why": "the target branch has moved since the base was pinned"}, ())

    def _log(self, op: str, ref: str, old: str | None, new: str, detail: dict[str, Any], undo: tuple[str, ...]) -> None:
        self.operations.append(
            Operation.model_validate(
                {
                    "seq": len(self.operations) + 1,
                    "op": op,
                    "before": (RefState(ref=ref, oid=old),) if ref else (),
                    "after": (RefState(ref=ref, oid=new),) if ref else (),
                    "outcome": "planned" if self.dry_run else "done",
                    "detail": detail,
                    "undo": undo,
                }
            )
        )
