"""Checking what people write against the published ``workstream.v1``: every message says file, JSON pointer, what to do."""

from __future__ import annotations

import difflib
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ph0_planning.errors import KeyUnknown, NotJson, SchemaViolated

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

MAX_INTEGER = 2**53 - 1
"""Larger integers do not survive other JSON readers."""


def parse_json(text: str, where: str) -> Any:
    """JSON text as values. Raises InvalidInput (exit 3, E315) with file and line, also for a key that is given twice."""
    try:
        value = json.loads(
            text, object_pairs_hook=_without_doubles, parse_constant=_refuse_constant, parse_int=_integer
        )
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as fault:
        raise NotJson(
            f"{where}:{fault.lineno}: not JSON: {fault.msg} (column {fault.colno})", "mend that line"
        ) from None
    except UnicodeEncodeError:
        raise NotJson(f"{where}: half of a surrogate pair in a string", "write the character itself") from None
    except RecursionError:
        raise NotJson(f"{where}: nested too deeply", "a bundle is a flat object") from None
    except ValueError as fault:
        raise NotJson(f"{where}: {fault}", "mend that value") from None
    return value


def check_bundle(bundle: dict[str, Any], where: str, base: str = "") -> None:
    """Prove that a bundle matches the published schema. ``base`` is the JSON pointer of the bundle in its file.

    Raises InvalidInput (exit 3): E319 for an unknown key (names the nearest known one), E320 for anything else.
    """
    from jsonschema.exceptions import best_match

    faults = sorted(
        _validator().iter_errors(bundle), key=lambda fault: (len(fault.path), [str(part) for part in fault.path])
    )
    for fault in faults:
        _refuse_keys(fault, where, base)
    if faults:
        fault = best_match(iter(faults))
        place = base + pointer(fault.absolute_path) if fault else base
        raise SchemaViolated(
            f"{where}: {place or '/'}: {_said(fault)}", "see schema/workstream.v1.json, or the bundle's example"
        )


def refuse_unknown_key(key: str, known: list[str], where: str, place: str) -> None:
    """Raise InvalidInput (exit 3, E319) for a key that means nothing, naming the nearest known one."""
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
    raise KeyUnknown(f"{where}: {place}/{_escaped(key)}: unknown key", f"{hint} (free remarks belong under 'metadata')")


def known_keys() -> list[str]:
    """The keys of a bundle, sorted."""
    return sorted(_validator().schema["properties"])  # type: ignore[index]


def pointer(path: Any) -> str:
    """A JSON pointer from its parts."""
    return "".join(f"/{_escaped(str(part))}" for part in path)


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _refuse_keys(fault: ValidationError, where: str, base: str) -> None:
    """Raise for a key that no alternative of the schema knows at this place."""
    closed = [each for each in (fault, *(fault.context or ())) if each.validator == "additionalProperties"]
    if closed:
        known = sorted({key for each in closed for key in each.schema["properties"]})
        extra = sorted(set(closed[0].instance) - set(known))
        if extra:
            refuse_unknown_key(extra[0], known, where, base + pointer(closed[0].absolute_path))


def _said(fault: ValidationError | None) -> str:
    message = fault.message if fault else "does not match the schema"
    return message if len(message) <= 200 else message[:200] + "..."


@lru_cache(maxsize=1)
def _validator() -> Validator:
    from global_util.package_data import data_path
    from jsonschema import Draft202012Validator

    text = data_path("ph0_planning", "schema/workstream.v1.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        double = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {double!r} is given twice in one object")
    return found


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON number")


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        raise ValueError(f"the number {text[:20]} is too large")
    return int(text)
