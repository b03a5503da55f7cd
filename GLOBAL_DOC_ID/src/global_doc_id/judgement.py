"""From what was asked to the findings: all of a repository, or some files and what they break elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from global_util.errors import InvalidInput

if TYPE_CHECKING:
    from global_doc_id.findings import Finding
    from global_doc_id.inventory import Inventory
    from global_doc_id.listing import Listing
    from global_doc_id.policy import Policy
    from global_doc_id.registry import Registry
    from global_doc_id.source import Index, WorkingCopy


class Asked(NamedTuple):
    """``files``: paths below ``root``, none for all. ``since``: a name of the baseline commit, empty for HEAD."""

    root: str
    files: tuple[str, ...] = ()
    staged: bool = False
    since: str = ""


class Verdict(NamedTuple):
    """The findings, sorted, by which rules, and how many files were judged."""

    findings: Sequence[Finding]
    files: int
    policy: Policy
    registry: Registry
    idle: Sequence[str] = ()
    """Globs of ``require`` that name no file at all: mostly misspelt."""
    inventory: Inventory | None = None
    """What all files say. Who drops it waits until a hundred thousand lists are taken apart."""


def judge(asked: Asked) -> Verdict:
    """Judge what was asked for. Raises InvalidInput (exit 3) for broken settings, EnvironmentFault (exit 4) without git."""
    from global_doc_id.git import find_git

    git = find_git(asked.root) if asked.files else None
    if git is None:
        return _judge_all(asked)
    from global_doc_id.inquiry import Inquiry

    with closing(Inquiry(git, asked)) as inquiry:
        from global_doc_id.named_files import NamedFiles
        from global_doc_id.settings import is_setting

        named = NamedFiles(asked, inquiry)
        settings = named.settings
        if any(is_setting(path, settings.policy) for path in asked.files):
            return _judge_all(asked._replace(files=()))
        findings = named.judge()
    return Verdict(findings, len(asked.files), settings.policy, settings.registry)


def _judge_all(asked: Asked) -> Verdict:
    """Everything is read; with files (there is no git) only findings in those are told."""
    from global_doc_id.listing import Listing

    with closing(Listing(asked.root)) as listing:
        if not asked.staged:
            listing.begin()
        return _judge_listed(asked, listing)


def _judge_listed(asked: Asked, listing: Listing) -> Verdict:
    from global_doc_id.baseline import Baseline
    from global_doc_id.inventory import read_inventory
    from global_doc_id.settings import settings_of, settings_of_folder
    from global_doc_id.source import Index, WorkingCopy
    from global_doc_id.validation import HomeBook, validate

    source: Index | WorkingCopy = Index(asked.root) if asked.staged else WorkingCopy(asked.root, listing)
    settings = settings_of(source.read) if asked.staged else settings_of_folder(asked.root)
    with closing(Baseline(source.git, asked.since, staged=asked.staged)) as baseline:
        inventory = read_inventory(source, settings.policy)
        homes = HomeBook(inventory)
        before = baseline.ids(homes.first, settings.policy)
        findings = validate(inventory, settings.registry, settings.policy, settings.ledger, before, homes)
    findings += settings.faults
    if asked.files:
        _require_there(asked.files, inventory.paths)
        findings = [finding for finding in findings if finding.file in asked.files]
    files = len(asked.files) or len(inventory.paths)
    idle = settings.policy.idle(inventory.paths)
    return Verdict(sorted(findings), files, settings.policy, settings.registry, idle, inventory)


def _require_there(files: Sequence[str], paths: set[str]) -> None:
    for file in files:
        if file not in paths:
            raise InvalidInput(f"{file}: no such file", "check the name", "E382")
