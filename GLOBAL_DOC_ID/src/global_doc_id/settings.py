"""What the rules go by: policy, registry and ledger, of the working copy or of what git has staged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from global_util.errors import InvalidInput

from global_doc_id.file_types import is_sidecar
from global_doc_id.findings import Finding
from global_doc_id.policy import FILE_NAME, Policy, load_policy, read_policy, read_setting
from global_doc_id.registry import KINDS_FILE, ROUTING_FILE, Registry, load_registry, load_with

if TYPE_CHECKING:
    from global_doc_id.ledger import Retired


class Settings(NamedTuple):
    """``faults`` are what is wrong with the ledger; a broken policy or registry is an error and no finding."""

    policy: Policy
    registry: Registry
    ledger: Mapping[str, Retired]
    faults: Sequence[Finding]


def settings_of_folder(root: str) -> Settings:
    """The settings of a working copy. Raises InvalidInput (exit 3) for broken ones."""
    policy = load_policy(root)
    try:
        ledger = read_setting(f"{root}/{policy.ledger}") or b""
    except OSError as fault:
        raise InvalidInput(f"{policy.ledger}: not readable: {fault.strerror}", "check the file", "E382") from None
    return _settings(policy, load_registry(root, policy.registry), ledger)


def settings_of(read: Callable[[str], bytes | None]) -> Settings:
    """The settings that ``read`` gives by path, those shipped where it has none. Raises InvalidInput (exit 3)."""
    try:
        policy = read_policy((read(FILE_NAME) or b"").decode("utf-8"))
    except UnicodeDecodeError as fault:
        raise InvalidInput(f"{FILE_NAME}: not readable: {fault}", "mend the file", "E305") from None
    return _settings(policy, load_with(read, policy.registry), read(policy.ledger) or b"")


def is_setting(path: str, policy: Policy) -> bool:
    """Does this file decide about others?"""
    named = path in (FILE_NAME, policy.ledger, f"{policy.registry}/{ROUTING_FILE}", f"{policy.registry}/{KINDS_FILE}")
    return named or is_sidecar(path)


def _settings(policy: Policy, registry: Registry, ledger: bytes) -> Settings:
    if not ledger:
        return Settings(policy, registry, {}, [])
    from global_doc_id.ledger import judge_ledger, read_ledger

    text = ledger.decode("utf-8", "replace")
    return Settings(policy, registry, read_ledger(text), judge_ledger(text, policy.ledger))
