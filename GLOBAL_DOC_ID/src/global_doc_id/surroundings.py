"""What every command that writes or asks needs: the repository, its policy, its registry, and what its files say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from global_doc_id.policy import Policy, find_root, load_policy
from global_doc_id.registry import Registry, load_registry

if TYPE_CHECKING:
    from global_doc_id.inventory import Inventory
    from global_doc_id.minting import Desk


@dataclass(frozen=True)
class Surroundings:
    """A repository as ``doc-id`` sees it."""

    root: Path
    policy: Policy
    registry: Registry

    def inventory(self) -> Inventory:
        """What the files of the working copy say."""
        from global_doc_id.inventory import read_inventory
        from global_doc_id.source import WorkingCopy

        return read_inventory(WorkingCopy(self.root), self.policy)

    def desk(self) -> Desk:
        """Where numbers are given. Raises EnvironmentFault (exit 4) outside a git repository."""
        from global_doc_id.minting import Desk

        return Desk(self.root, self.policy, self.registry)


def look_around(repo: Path) -> Surroundings:
    """Policy and registry of the repository that a folder lies in. Raises InvalidInput (exit 3) for broken ones."""
    root = Path(find_root(repo))
    policy = load_policy(root)
    return Surroundings(root, policy, load_registry(root, policy.registry))
