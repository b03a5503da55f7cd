"""The published JSON Schema of a contract."""

from __future__ import annotations

import json

from global_util.contracts.base import Artifact, Model

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_text(schema_id: str, model: type[Model]) -> str:
    """The text of the schema file of a model."""
    body = model.model_json_schema(by_alias=True, mode="validation")
    if issubclass(model, Artifact):
        body["properties"]["schema"] = {"const": schema_id}
    published = {**body, "$schema": DIALECT, "$id": f"phaseline:{schema_id}", "title": schema_id}
    return json.dumps(published, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
