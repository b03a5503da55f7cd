"""Settings proven before anything is spent: those of the phases that follow, too."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NoReturn, TypeVar

from global_core_state.spending import ceiling
from global_util import paths
from global_util.config import Settings, defaults
from global_util.contracts.base import Model, first_fault
from global_util.errors import InvalidInput
from pydantic import ValidationError

M = TypeVar("M", bound=Model)

_DEFINITIONS = ("auto", "module", "plain", "off")
CHOICES = {
    "policy.definition_of_done": _DEFINITIONS,
    "policy.definition_of_ready": _DEFINITIONS,
    "policy.not_done": ("report", "quarantine"),
    "policy.not_ready": ("report", "refuse"),
    "policy.scope_overlap": ("order", "allow", "refuse"),
    "policy.unknown_scope": ("refuse", "repo"),
    "policy.unverified": ("quarantine", "save"),
}
_PLACES = ("policy.changelog", "policy.changelog_fragments")
_ACCEPTANCE = "acceptance"


def require_sound(config: Settings, known_checks: Collection[str]) -> None:
    """Raises InvalidInput (exit 3) for a value of the wrong type, a word that means nothing, or an unknown check."""
    for key, default in defaults().items():
        value = config.get(key)
        whole_dollars = key.startswith("limits.") and key.endswith(".cost_usd") and type(value) is int
        if key != "checks.enabled" and type(value) is not type(default) and not whole_dollars:
            _refuse(config, key, f"expected something like {default!r}")
        if key in CHOICES and value not in CHOICES[key]:
            _refuse(config, key, f"it is one of {', '.join(CHOICES[key])}")
    _require_checks(config, known_checks)
    _require_pairs(config)
    _require_places(config)
    _require_limits(config)


def _require_limits(config: Settings) -> None:
    for scope in ("workstream", "run", "day"):
        ceiling(config, scope)
    for key in ("limits.wait_s", "limits.longest_park_s"):
        if config.get(key) < 0:
            _refuse(config, key, "give seconds, from 0")


def _require_checks(config: Settings, known: Collection[str]) -> None:
    """Where no check is installed (PH1 alone), the ids are left to the PH3 of elsewhere."""
    enabled = config.get("checks.enabled")
    if enabled in ("auto", None):
        return
    if not isinstance(enabled, list) or not all(isinstance(name, str) for name in enabled):
        _refuse(config, "checks.enabled", 'give "auto" or a list of check ids: ["ruff", "acceptance"]')
    unknown = [name for name in enabled if known and name not in known and name != _ACCEPTANCE]
    if unknown:
        _refuse(config, "checks.enabled", f"no check {unknown[0]!r}; known: {', '.join(sorted({*known, _ACCEPTANCE}))}")


def _require_pairs(config: Settings) -> None:
    pairs = config.get("policy.allowed_overlaps")
    if not all(isinstance(pair, list) and all(isinstance(name, str) for name in pair) for pair in pairs):
        _refuse(config, "policy.allowed_overlaps", 'give pairs of ids: [["ws-a", "ws-b"]]')


def _require_places(config: Settings) -> None:
    """A path of the repository, or empty. Where PH6 is not installed, its settings are left to it."""
    for key in _PLACES:
        text = config.get(key) or ""
        wrong = paths.fault(text) if text else ""
        if wrong or any(mark in text for mark in "*?[\\"):
            _refuse(config, key, f"it {wrong}" if wrong else "name one place, without * ? [")


def _refuse(config: Settings, key: str, hint: str) -> NoReturn:
    raise InvalidInput(f"{config.origin(key)}: {key} = {config.get(key)!r} cannot be", hint, "E363")


def build(model: type[M], values: Mapping[str, Any], place: str) -> M:
    """A part of the plan made from settings. Raises InvalidInput (exit 3) that names what is out of bounds."""
    try:
        return model.model_validate(values)
    except ValidationError as fault:
        raise InvalidInput(
            f"{place}: {first_fault(fault)}", "mend it in the plan, in pipeline.toml or with --set", "E362"
        ) from None
