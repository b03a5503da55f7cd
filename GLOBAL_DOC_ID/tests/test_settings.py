"""``[doc_id]`` and the registry: what is misspelt or missing is told, and never switches a rule off in silence."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import Result
from global_doc_id.testing.playground import Playground

DocId = Callable[..., Result]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[doc_id]\nrequires = ["app/docs/*.md"]\n', "did you mean require?"),
        ('[doc_id]\nledgers = "x"\n', "did you mean ledger?"),
        ("[doc_id]\nzzz = 1\n", "did you mean require or exclude or sidecar or ledger or registry?"),
        ('[docid]\nrequire = ["app/docs/*.md"]\n', "did you mean [doc_id]?"),
        ('[doc-id]\nrequire = ["app/docs/*.md"]\n', "did you mean [doc_id]?"),
    ],
)
def test_a_misspelt_name_is_refused(ground: Playground, doc_id: DocId, text: str, told: str) -> None:
    ground.put("pipeline.toml", text)
    answer = doc_id("validate")
    assert (answer.exit_code, answer.stdout) == (3, "")
    assert answer.stderr.startswith("error E306: pipeline.toml: unknown ")
    assert told in answer.stderr


def test_a_glob_that_names_no_file_is_told(ground: Playground, doc_id: DocId) -> None:
    ground.put("app/docs/a.md", "---\ndoc_id: DOC-AAM000-DOC-001\n---\n")
    ground.put("pipeline.toml", '[doc_id]\nrequire = ["doc/*.md", "app/docs/*.md"]\n')
    answer = doc_id("validate")
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert "pipeline.toml: /doc_id/require: 'doc/*.md' names no file" in answer.stderr.splitlines()
    assert "app/docs/*.md" not in answer.stderr


@pytest.mark.parametrize("staged", [(), ("--staged",)])
def test_a_chosen_registry_that_is_not_there_is_refused(
    ground: Playground, doc_id: DocId, staged: tuple[str, ...]
) -> None:
    ground.put("pipeline.toml", '[doc_id]\nregistry = "code"\n')
    ground.git("add", "--all")
    answer = doc_id("validate", *staged)
    assert answer.exit_code == 3
    assert "error E381: code/doc_id_module_routing.json: no such file" in answer.stderr


def test_one_registry_file_without_the_other_is_refused(ground: Playground, doc_id: DocId) -> None:
    ground.put("GLOBAL_DOC_ID/schema/doc_id_kinds.v1.json", '{"version": 1, "types": {}, "kinds": {}}')
    (ground.folder / "GLOBAL_DOC_ID/schema/doc_id_module_routing.json").unlink(missing_ok=True)
    answer = doc_id("validate")
    assert answer.exit_code == 3
    assert "doc_id_module_routing.json: no such file" in answer.stderr
