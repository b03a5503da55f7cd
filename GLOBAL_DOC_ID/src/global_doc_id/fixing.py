"""What ``doc-id validate --fix`` does: the mends that take no decision."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from pathlib import Path

from global_doc_id.doc_id import SHAPE, meant
from global_doc_id.findings import Finding
from global_doc_id.inventory import read_inventory
from global_doc_id.ledger import Retired, add
from global_doc_id.minting import Desk, carriers_of
from global_doc_id.policy import Policy
from global_doc_id.registry import Registry
from global_doc_id.reservations import locked
from global_doc_id.sidecar_edits import tidy
from global_doc_id.source import WorkingCopy
from global_doc_id.stamping import restamp_all

_ID = re.compile(SHAPE)
GONE = "its file is gone"


def fix(root: Path, findings: Sequence[Finding], policy: Policy, registry: Registry) -> list[str]:
    """Mend every finding that is marked fixable; the paths that changed, sorted. Others stay findings.

    A missing id is minted, a broken spelling set right, a sidecar tidied, an id without a file retired, the ledger sorted.
    """
    mend = [finding for finding in findings if finding.fixable]
    desk = Desk(root, policy, registry)
    changed: set[str] = set()
    with locked(desk.clone):
        for finding in mend:
            if finding.rule == "form":
                changed |= _respell(root, finding)
        changed |= _tidy_sidecars(root, policy, {finding.file for finding in mend if finding.rule == "sidecar"})
        gone = [_retired(finding) for finding in mend if finding.rule == "gone"]
        if gone or any(finding.rule == "ledger" for finding in mend):
            changed.add(add(root, policy, gone))
    missing = sorted({finding.file for finding in mend if finding.rule == "required"})
    return sorted(changed | {one.written for one in desk.mint_each(missing) if one.written})


def _respell(root: Path, finding: Finding) -> set[str]:
    carriers = carriers_of(root, finding.file)
    changed: set[str] = set()
    for wrong, text in {carrier.text: meant(carrier.text) for carrier in carriers}.items():
        if text:
            changed.update(restamp_all(root, finding.file, carriers, wrong, text))
    return changed


def _tidy_sidecars(root: Path, policy: Policy, sidecars: Set[str]) -> set[str]:
    if not sidecars:
        return set()
    dead: dict[str, set[str]] = {}
    for sidecar, _, file in read_inventory(WorkingCopy(root), policy).dead:
        dead.setdefault(sidecar, set()).add(file.rpartition("/")[2])
    return {path for path in sorted(sidecars) if tidy(root, path, dead.get(path, set()))}


def _retired(finding: Finding) -> Retired:
    found = _ID.search(finding.what)
    assert found is not None, finding.what
    return Retired(found[0], finding.file, GONE)
