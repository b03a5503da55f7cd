"""What every artifact has in common: strict models, the envelope, and ids that are hashes of the content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from global_util.errors import InvalidInput

ArtifactId = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
ExecutionId = Annotated[str, StringConstraints(pattern=r"^EXEC-\d{4}-\d{2}-\d{2}-\d{3,}$")]
WorkstreamId = Annotated[str, StringConstraints(pattern=r"^ws-[a-z0-9-]+$", max_length=120)]
GitOid = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
GitMode = Literal["000000", "040000", "100644", "100755", "120000", "160000"]
RepoPath = Annotated[str, StringConstraints(min_length=1)]
"""Relative to the repository, POSIX; a byte that is not UTF-8 is written ``\\xNN``, a backslash doubled."""

_EXACT = 2**53
"""Up to here JSON carries integers exactly."""

JsonScalar = str | int | float | bool | None
JsonValue = JsonScalar | list[Any] | dict[str, Any]


class Model(BaseModel):
    """A part of an artifact: strict types, immutable, no unknown field."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    def to_json(self) -> dict[str, Any]:
        """The model as plain JSON values; fields that are None are left out."""
        return self.model_dump(mode="json", exclude_none=True, by_alias=True)


class Producer(Model):
    """Which phase of which distribution wrote an artifact."""

    phase: str
    distribution: str
    version: str


class InputRef(Model):
    """An artifact that this one was made from."""

    schema_id: str = Field(alias="schema")
    artifact_id: ArtifactId


def canonical_json(value: Any) -> bytes:
    """RFC 8785 canonical form, the form in which content is hashed. Raises rfc8785.CanonicalizationError.

    For values without numbers that are no small integers, with keys in ASCII, Python's own writer gives the same bytes
    at a tenth of the time. Most artifacts have few others.
    """
    if _is_simple(value):
        with suppress(UnicodeEncodeError):
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    elif type(value) is dict and _are_plain(value):
        members = (canonical_json(key) + b":" + canonical_json(value[key]) for key in sorted(value))
        return b"{" + b",".join(members) + b"}"
    elif type(value) is list:
        return b"[" + b",".join(map(canonical_json, value)) + b"]"
    return rfc8785.dumps(value)


def _are_plain(keys: Iterable[object]) -> bool:
    """Are all of them texts in ASCII? Their order by characters is that by code units then."""
    try:
        return "".join(keys).isascii()  # type: ignore[arg-type]
    except TypeError:
        return False


def _is_simple(value: Any) -> bool:
    waiting = [value]
    for one in waiting:
        kind = type(one)
        if kind is dict:
            if not _are_plain(one):
                return False
            waiting.extend(one.values())
        elif kind is list or kind is tuple:
            waiting.extend(one)
        elif kind is int:
            if not -_EXACT < one < _EXACT:
                return False
        elif kind is not str and kind is not bool and one is not None:
            return False
    return True


def content_id(value: Any) -> str:
    """``sha256:`` and the digest of the canonical JSON of ``value``."""
    return "sha256:" + hashlib.sha256(canonical_json(value)).hexdigest()


class Artifact(Model):
    """The envelope. ``artifact_id`` hashes all fields but itself and ``observed``."""

    SCHEMA: ClassVar[str]
    OWNER: ClassVar[str]

    schema_id: str = Field(alias="schema")
    artifact_id: ArtifactId
    execution_id: ExecutionId
    run_clock: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    producer: Producer
    config: dict[str, JsonValue]
    inputs: tuple[InputRef, ...]
    observed: dict[str, JsonValue] = {}

    @classmethod
    def seal(cls, **fields: Any) -> Self:
        """Build the artifact and compute its id. Models inside ``fields`` are turned into JSON first."""
        raw = json.loads(json.dumps({"schema": cls.SCHEMA, **fields}, default=_plain))
        raw = {key: value for key, value in raw.items() if value is not None}
        unsealed = cls.model_validate_json(json.dumps({**raw, "artifact_id": "sha256:" + "0" * 64}))
        return unsealed.model_copy(update={"artifact_id": unsealed.computed_id()})

    def computed_id(self) -> str:
        """The id that the content has now."""
        body = self.to_json()
        body.pop("artifact_id")
        body.pop("observed", None)
        return content_id(body)

    def dumps(self) -> str:
        """The artifact as indented JSON, ending in a newline."""
        return self.model_dump_json(indent=2, exclude_none=True, by_alias=True) + "\n"


def _plain(value: object) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True, by_alias=True)
    raise TypeError(f"not JSON: {type(value).__name__}")


M = TypeVar("M", bound=Model)


def parse(model: type[M], text: str | bytes, where: str) -> M:
    """Read JSON text into a model; a fault names its JSON pointer."""
    try:
        return model.model_validate_json(text)
    except ValidationError as fault:
        raise InvalidInput(f"{where}: {first_fault(fault)}") from None


def first_fault(fault: ValidationError) -> str:
    """The first problem as ``/json/pointer: what``."""
    first = fault.errors(include_url=False, include_input=False)[0]
    pointer = "/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in first["loc"])
    more = fault.error_count() - 1
    return f"{pointer}: {first['msg']}" + (f" (and {more} more)" if more else "")
