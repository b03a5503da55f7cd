"""The contracts: every artifact of the line as a pydantic model, and the registry that finds them by schema id."""

from global_util.contracts.base import Artifact, InputRef, Model, Producer, canonical_json, content_id, parse
from global_util.contracts.registry import ARTIFACTS, DOCUMENTS, load_artifact, read_artifact, require_schema

__all__ = [
    "ARTIFACTS",
    "DOCUMENTS",
    "Artifact",
    "InputRef",
    "Model",
    "Producer",
    "canonical_json",
    "content_id",
    "load_artifact",
    "parse",
    "read_artifact",
    "require_schema",
]
