"""Where a run starts and lands: base branch, base commit, target branch. Found out before anything is spent."""

from __future__ import annotations

from pathlib import PurePosixPath

from global_util.contracts.phase_plan import BasePin
from global_util.errors import EnvironmentFault, InvalidInput
from global_util.git import Repository


def pin(repo: Repository, base_branch: str) -> BasePin:
    """The base branch (empty: the one that is checked out) with its commit. Raises EnvironmentFault (exit 4)."""
    branch = base_branch or repo.current_branch()
    state = repo.commit_of(f"refs/heads/{branch}")
    if state is None:
        raise EnvironmentFault(f"base branch {branch!r} does not exist", "create it, or set git.base_branch", "E406")
    return BasePin(branch=branch, commit=state.commit, tree=state.tree)


def _refuse_nested(repo: Repository, branch: str) -> None:
    """Git keeps a branch ``a`` and a branch ``a/b`` out of each other's way: one of them cannot be."""
    above = [str(folder) for folder in PurePosixPath(branch).parents][:-1]
    taken = [name for name in above if repo.resolve(f"refs/heads/{name}")]
    taken += [name.removeprefix("refs/heads/") for name in repo.refs(f"refs/heads/{branch}/")]
    if taken:
        raise InvalidInput(
            f"target branch {branch!r} cannot be made beside branch {taken[0]!r}", "give another --target", "E356"
        )


def target(repo: Repository, wanted: str, base: BasePin) -> str:
    """The branch that the run lands on. Raises InvalidInput for a bad name, EnvironmentFault for a dirty checkout."""
    branch = wanted or base.branch
    if not repo.is_branch_name(branch):
        raise InvalidInput(
            f"target branch {branch!r} is not a name that a branch can have", "give another --target", "E356"
        )
    _refuse_nested(repo, branch)
    repo.require_clean(branch)
    return branch
