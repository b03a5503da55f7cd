"""Writes the JSON Schemas and each phase's contracts from the models; ``--check`` only tells which files differ."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from global_util.contracts import ARTIFACTS, DOCUMENTS, Artifact, Model
from global_util.contracts.publishing import schema_text

ROOT = Path(__file__).resolve().parent.parent
LINE = {
    "workstream_set.v1": "",
    "phase_plan.v1": "workstream_set.v1",
    "execution_result.v1": "phase_plan.v1",
    "error_check_targets.v1": "execution_result.v1",
    "error_report.v1": "error_check_targets.v1",
    "error_pipeline_result.v1": "error_report.v1",
    "commit_plan.v1": "error_pipeline_result.v1",
    "git_operation_log.v1": "commit_plan.v1",
}
"""What each phase writes for others, and the artifact that it reads."""


def models() -> dict[str, tuple[str, type[Model]]]:
    """Owner and model of every contract, by schema id."""
    artifacts: dict[str, tuple[str, type[Model]]] = {name: (model.OWNER, model) for name, model in ARTIFACTS.items()}
    return artifacts | DOCUMENTS


def contracts_text(owner: str, schemas: dict[str, str]) -> str:
    """What a phase reads (what LINE says, the documents it owns) and the artifacts it writes."""
    owned = {name: issubclass(model, Artifact) for name, (room, model) in models().items() if room == owner}
    before = [LINE[name] for name in LINE if name in owned and LINE[name]]
    consumes = [*before, *sorted(name for name, is_artifact in owned.items() if not is_artifact)]
    produces = sorted(name for name, is_artifact in owned.items() if is_artifact)
    return _dumps(
        {
            "consumes": [_reference(name, schemas[name]) for name in consumes],
            "produces": [_reference(name, schemas[name]) for name in produces],
        }
    )


def published() -> dict[Path, str]:
    """Every file that is derived from the models, with the text it should have."""
    schemas = {name: schema_text(name, model) for name, (_, model) in models().items()}
    files = {ROOT / owner / "schema" / f"{name}.json": schemas[name] for name, (owner, _) in models().items()}
    for owner in sorted({owner for owner, _ in models().values()}):
        files[ROOT / owner / "phase.contracts.json"] = contracts_text(owner, schemas)
    return files


def drifted() -> list[Path]:
    """The files whose text is not what the models say."""
    return [path for path, text in sorted(published().items()) if not path.is_file() or path.read_text("utf-8") != text]


def _reference(schema_id: str, text: str) -> dict[str, str]:
    name, _, version = schema_id.rpartition(".")
    return {"schema": name, "version": version, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def _dumps(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Exit 1 when ``--check`` finds drift."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a file differs")
    check = parser.parse_args().check
    paths = drifted()
    for path in paths:
        sys.stdout.write(f"{path.relative_to(ROOT)}: {'differs from the model' if check else 'written'}\n")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(published()[path], "utf-8", newline="\n")
    if check and paths:
        sys.stdout.write("mend with: python scripts/schemas.py\n")
    return 1 if check and paths else 0


if __name__ == "__main__":
    sys.exit(main())
