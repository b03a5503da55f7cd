"""The policies that decide what else must be true of a change, and what PH6 writes itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from global_capabilities.policies.fragments import folder_of
from global_capabilities.policies.layout import Package, decide, read_layout
from global_capabilities.policies.tree import Tree
from global_util import paths
from global_util.errors import InvalidInput

if TYPE_CHECKING:
    from global_util.config import Settings
    from global_util.git import Repository

CHOICES = {
    "policy.definition_of_done": ("auto", "module", "plain", "off"),
    "policy.not_done": ("report", "quarantine"),
    "policy.mint_doc_ids": (True, False),
}


@dataclass(frozen=True)
class Rules:
    """``definition``: ``module``, ``plain`` or ``off``; ``fragments`` is a folder with its slash, or empty."""

    unverified: str
    definition: str
    quarantine: bool
    fragments: str
    changelog: str
    mint: bool
    packages: tuple[Package, ...]
    """The packages of the base; none under the plain definition."""


def read_rules(config: Settings, repo: Repository, pinned: str, base: str) -> Rules:
    """The rules for what lands on the tree ``base``; PH1 saw ``pinned``. Raises InvalidInput (exit 3) for a wrong value."""
    values = {key: _value(config, key) for key in CHOICES}
    changelog = config.get("policy.changelog") or "CHANGELOG.md"
    if not isinstance(changelog, str) or paths.fault(changelog) or changelog.endswith("/"):
        raise InvalidInput(f"policy.changelog = {changelog!r} cannot be", "name a file of the repository", "E365")
    wanted = values["policy.definition_of_done"]
    packages = read_layout(Tree(repo, base)) if wanted != "plain" else ()
    return Rules(
        unverified=config.get("policy.unverified"),
        definition=decide(wanted, packages),
        quarantine=values["policy.not_done"] == "quarantine",
        fragments=folder_of(config.get("policy.changelog_fragments") or "", Tree(repo, pinned)),
        changelog=changelog,
        mint=values["policy.mint_doc_ids"],
        packages=packages,
    )


def _value(config: Settings, key: str) -> Any:
    value = config.get(key)
    if value not in CHOICES[key]:
        known = ", ".join(str(word).lower() for word in CHOICES[key])
        raise InvalidInput(f"{key} = {value!r} cannot be", f"it is one of {known}", "E365")
    return value
