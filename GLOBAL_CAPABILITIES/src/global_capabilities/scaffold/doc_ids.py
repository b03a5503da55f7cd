"""Document ids for the new files that need one. The seven documents of a module have theirs from the start."""

from __future__ import annotations

from global_doc_id.file_types import sidecar_of
from global_doc_id.minting import Desk
from global_doc_id.policy import load_policy
from global_doc_id.registry import load_registry
from global_util.errors import EnvironmentFault

from global_capabilities.checks.documents import front_matter
from global_capabilities.scaffold.draft import Draft, Undo


def give_ids(draft: Draft, undo: Undo) -> tuple[list[str], list[str]]:
    """Mint ids for what ``[doc_id] require`` asks one of, the draft being written. Files written, and files left without.

    Numbers are handed out per clone: where there is no git repository the files are left for ``doc-id mint``.
    """
    wanting = _without_id(draft)
    if not wanting:
        return [], []
    for path in wanting:
        undo.remember(sidecar_of(path), b"")
    policy = load_policy(draft.root)
    try:
        minted = Desk(draft.root, policy, load_registry(draft.root, policy.registry)).mint(wanting)
    except EnvironmentFault:
        return [], wanting
    for path in wanting:
        undo.accept(path)
        undo.accept(sidecar_of(path))
    return sorted({one.written for one in minted if one.written}), []


def _without_id(draft: Draft) -> list[str]:
    policy = load_policy(draft.root)
    asked = [path for path in sorted(draft.new) if policy.requires(path)]
    return [path for path in asked if "doc_id" not in front_matter(draft.new[path])]
