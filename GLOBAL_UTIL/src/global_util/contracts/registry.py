"""Finding a contract by its schema id, and reading an artifact with proof that nobody edited it."""

from __future__ import annotations

import json
import re
from typing import Any

from rfc8785 import CanonicalizationError

from global_util.contracts.base import Artifact, Model, parse
from global_util.contracts.commit_plan import CommitPlan
from global_util.contracts.dag import DagGraph, DagLibrary, DagMappingRules
from global_util.contracts.error_check_targets import ErrorCheckTargets
from global_util.contracts.error_pipeline_result import ErrorPipelineResult
from global_util.contracts.error_report import ErrorReport
from global_util.contracts.execution_result import ExecutionResult
from global_util.contracts.git_operation_log import GitOperationLog, GitStrategy
from global_util.contracts.item import Item
from global_util.contracts.phase_plan import PhasePlan
from global_util.contracts.workstream import WorkstreamBundle
from global_util.contracts.workstream_set import WorkstreamSet
from global_util.errors import InvalidInput

ARTIFACTS: dict[str, type[Artifact]] = {
    model.SCHEMA: model
    for model in (
        WorkstreamSet,
        PhasePlan,
        ExecutionResult,
        ErrorCheckTargets,
        ErrorReport,
        ErrorPipelineResult,
        CommitPlan,
        GitOperationLog,
        DagGraph,
    )
}
"""Artifacts with an envelope, by schema id: those that the phases of the line write first, in its order."""

_SCHEMA = re.compile(rb'\{\s*"schema": "([a-z_]+\.v\d+)"')
"""How an artifact of ours begins."""

DOCUMENTS: dict[str, tuple[str, type[Model]]] = {
    "workstream.v1": ("PH0_PLANNING", WorkstreamBundle),
    DagLibrary.SCHEMA: (DagLibrary.OWNER, DagLibrary),
    DagMappingRules.SCHEMA: (DagMappingRules.OWNER, DagMappingRules),
    GitStrategy.SCHEMA: (GitStrategy.OWNER, GitStrategy),
}
"""Published shapes without an envelope: owner and model, by schema id."""


def load_artifact(text: str | bytes, where: str, expected: str = "") -> Artifact:
    """Read an artifact and prove its content id and the ids of its items.

    Raises InvalidInput (exit 3) for what is not JSON, of another schema or version, or edited by hand.
    """
    if not text.strip():
        raise InvalidInput(
            f"{where}: empty, no artifact to read", "did the command before it in the pipe fail?", "E301"
        )
    raw = _json_object(text, where)
    schema = raw.get("schema")
    if expected and schema != expected:
        raise _other_schema(schema, expected, where)
    model = ARTIFACTS.get(str(schema))
    if model is None:
        known = ", ".join(sorted(ARTIFACTS))
        raise InvalidInput(f"{where}: /schema is {schema!r}, which is not known here", f"known: {known}", "E302")
    artifact = parse(model, text, where)
    if _computed_id(artifact, where) != artifact.artifact_id:
        raise InvalidInput(
            f"{where}: the content does not match its artifact_id {artifact.artifact_id[:19]}...",
            "it was edited after it was written; make it again with the phase that owns it",
            "E303",
        )
    for position, item in enumerate(getattr(artifact, "items", ())):
        if isinstance(item, Item) and item.computed_id() != item.item_id:
            raise InvalidInput(f"{where}: /items/{position}: the content does not match its item_id", "", "E303")
    return artifact


def read_artifact(text: str | bytes, where: str) -> Artifact:
    """Read an artifact whose bytes are proven to be those that were written under its id, as by the hash of its file.

    Raises InvalidInput (exit 3) for what is none.
    """
    schema = _SCHEMA.match(text.encode() if isinstance(text, str) else text)
    model = ARTIFACTS.get(schema[1].decode()) if schema else None
    return parse(model, text, where) if model else load_artifact(text, where)


def require_schema(artifact: Artifact, expected: str, where: str) -> None:
    """Raises InvalidInput (exit 3) for an artifact of another schema or version."""
    if artifact.schema_id != expected:
        raise _other_schema(artifact.schema_id, expected, where)


def _other_schema(schema: object, expected: str, where: str) -> InvalidInput:
    return InvalidInput(
        f"{where}: /schema is {schema!r}, expected {expected!r}",
        "give the artifact of the phase before this one",
        "E302",
    )


def _computed_id(artifact: Artifact, where: str) -> str:
    try:
        return artifact.computed_id()
    except CanonicalizationError as fault:
        raise InvalidInput(f"{where}: holds a number that JSON cannot carry exactly: {fault}", "", "E304") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _json_object(text: str | bytes, where: str) -> dict[str, Any]:
    try:
        raw = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as fault:
        raise InvalidInput(f"{where}: not JSON: {fault}", "", "E304") from None
    if not isinstance(raw, dict):
        raise InvalidInput(f"{where}: not a JSON object", "", "E304")
    return raw
