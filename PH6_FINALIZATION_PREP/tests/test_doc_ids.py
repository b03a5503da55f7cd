"""Document ids of what lands: who brought which fault, and which ids are given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from global_util.contracts.commit_plan import CommitPlan

    from PH6_FINALIZATION_PREP.tests.conftest import Files, Verdicts

RULES = '[doc_id]\nrequire = ["PH1_MAKE/docs/*", "PH1_MAKE/src/*.py"]\nledger = "ids.ledger"\nregistry = "ids"\n'
ROUTING = json.dumps({"version": 2, "scopes": {"P1": {"folder": "PH1_MAKE/", "modules": {}}}})
KINDS = json.dumps(
    {
        "version": 1,
        "types": {"DOC": "document", "SCR": "script"},
        "kinds": {"DOC": "docs/", "SRC": "src/"},
        "default_types": {"DOC": "DOC", "SRC": "SCR"},
    }
)
DOCS = "PH1_MAKE/docs/"


def doc(number: int, more: str = "") -> str:
    """A document with an id."""
    return f"---\ndoc_id: DOC-P1M000-DOC-{number:03d}\n---\n# A document\n{more}"


BASE: Files = {
    "pipeline.toml": RULES,
    "ids/doc_id_module_routing.json": ROUTING,
    "ids/doc_id_kinds.v1.json": KINDS,
    "ids.ledger": "DOC-P1M000-DOC-005\tPH1_MAKE/docs/old.md\tnot needed\n",
    f"{DOCS}a.md": doc(1),
    f"{DOCS}b.md": doc(2, "See [[DOC-P1M000-DOC-001]].\n"),
}
MINT = {"policy.mint_doc_ids": True}


@pytest.fixture
def kept(verdicts: Verdicts) -> Verdicts:
    """A repository that keeps document ids."""
    verdicts.base = verdicts.state(None, BASE)
    return verdicts


def told(plan: CommitPlan) -> dict[str | None, tuple[str, str]]:
    """Verdict and evidence by workstream."""
    return {
        one.workstream_id: (one.verdict, one.evidence)
        for one in plan.definition_of_done
        if one.condition == "doc ids are valid"
    }


FINE = ("met", "no finding that the base has not")


@pytest.mark.parametrize(
    ("change", "evidence"),
    [
        ({f"{DOCS}c.md": doc(3)}, ""),
        ({"README.md": "# Hello\n"}, ""),
        ({f"{DOCS}c.md": "# None\n"}, f"1 finding: {DOCS}c.md:1: no doc_id"),
        ({f"{DOCS}c.md": doc(5)}, f"1 finding: {DOCS}c.md:2: DOC-P1M000-DOC-005 is retired (not needed)"),
        ({f"{DOCS}b.md": None}, f"1 finding: {DOCS}b.md:2: DOC-P1M000-DOC-002 is gone and not in ids.ledger"),
        ({f"{DOCS}c.md": doc(3, "[[DOC-P1M000-DOC-009]]\n")}, f"1 finding: {DOCS}c.md:5: [[DOC-P1M000-DOC-009]] leads to no file"),
        ({f"{DOCS}doc_ids.json": "{"}, f"1 finding: {DOCS}doc_ids.json:1: "),
        ({"ids/doc_id_kinds.v1.json": "{"}, "1 finding: ids:1: "),
        ({"pipeline.toml": "[doc_id]\n", f"{DOCS}c.md": "# None\n"}, f"1 finding: {DOCS}c.md:1: no doc_id"),
    ],
)  # fmt: skip
def test_one_workstream(kept: Verdicts, change: Files, evidence: str) -> None:
    (found,) = told(kept.plan(kept.item("ws-a", change))).values()
    if evidence:
        assert found[0] == "not_met"
        assert found[1].startswith(evidence)
    else:
        assert found == FINE


def test_of_two_with_one_number_the_second_is_blamed(kept: Verdicts) -> None:
    accepted: dict[str, Any] = {"passed": "acceptance-1", "acceptance": ({"run": ("pytest",)},)}
    items = [kept.item(f"ws-{name}", {f"{DOCS}{name}.md": doc(3)}, **accepted) for name in "dc"]
    plan = kept.plan(*items)
    assert told(plan)["ws-d"] == FINE
    assert told(plan)["ws-c"][1].startswith(f"2 findings: {DOCS}c.md:2: DOC-P1M000-DOC-003 is the id of {DOCS}d.md too")
    aside = kept.plan(*items, config={"policy.not_done": "quarantine"})
    assert [(entry.workstream_id, entry.reason) for entry in aside.quarantine] == [("ws-c", "not_done")]
    assert told(aside)["ws-d"] == FINE


def test_a_fault_that_the_base_has_is_nobodys(kept: Verdicts) -> None:
    kept.base = kept.state(kept.base, {f"{DOCS}bad.md": "# None\n"})
    assert told(kept.plan(kept.item("ws-a", {f"{DOCS}bad.md": "# Still none\n"})))["ws-a"] == FINE


def test_a_fault_that_is_mended_before_the_end_is_none(kept: Verdicts) -> None:
    one = kept.item("ws-a", {f"{DOCS}c.md": "# None\n"})
    two = kept.item("ws-b", {f"{DOCS}c.md": doc(3)}, after=(one,))
    assert set(told(kept.plan(one, two)).values()) == {FINE}


def test_a_repository_without_ids_is_not_judged(verdicts: Verdicts) -> None:
    found = told(verdicts.plan(verdicts.item("ws-a", {"a.txt": "A\n"}), config=MINT))
    assert found == {"ws-a": ("not_checked", "the repository keeps no document ids")}


def test_rules_that_cannot_be_read_are_told(kept: Verdicts) -> None:
    kept.base = kept.state(kept.base, {"pipeline.toml": "[doc_id]\nrequire = 1\n"})
    plan = kept.plan(kept.item("ws-a", {f"{DOCS}c.md": "# None\n"}), config=MINT)
    assert told(plan)["ws-a"][0] == "not_checked"
    assert told(plan)["ws-a"][1].startswith("cannot be judged: pipeline.toml: /doc_id/require")
    assert len(plan.commit_groups) == 1


def test_new_files_get_the_next_numbers(kept: Verdicts) -> None:
    one = kept.item("ws-a", {f"{DOCS}z.md": "# Z\n", "PH1_MAKE/src/x.py": "x = 1\n"})
    two = kept.item("ws-b", {f"{DOCS}c.md": "# C\n", f"{DOCS}d.bin": "\0", "PH1_MAKE/src/__init__.py": ""})
    plan = kept.plan(one, two, config=MINT)
    last = plan.commit_groups[-1]
    assert (last.description, last.workstreams) == ("Document ids", ())
    assert last.commit_message == (
        "Document ids\n\n"
        f"- DOC-P1M000-DOC-006: {DOCS}c.md\n- DOC-P1M000-DOC-007: {DOCS}d.bin\n- DOC-P1M000-DOC-008: {DOCS}z.md\n"
        "- SCR-P1M000-SRC-001: PH1_MAKE/src/__init__.py\n- SCR-P1M000-SRC-002: PH1_MAKE/src/x.py\n"
    )
    files = kept.files(plan.final_tree)
    assert files[f"{DOCS}c.md"] == "---\ndoc_id: DOC-P1M000-DOC-006\n---\n# C\n"
    assert json.loads(files[f"{DOCS}doc_ids.json"])["doc_ids"] == {"d.bin": "DOC-P1M000-DOC-007"}
    assert json.loads(files["PH1_MAKE/src/doc_ids.json"])["doc_ids"] == {"__init__.py": "SCR-P1M000-SRC-001"}
    assert files["PH1_MAKE/src/x.py"] == "# doc_id: SCR-P1M000-SRC-002\nx = 1\n"
    assert set(told(plan).values()) == {FINE}
    assert plan == kept.plan(one, two, config=MINT)


def test_no_file_name_forges_a_trailer(kept: Verdicts) -> None:
    name = f"{DOCS}x\nSigned-off-by: N <n@localhost>.md"
    message = kept.plan(kept.item("ws-a", {name: "# X\n"}), config=MINT).commit_groups[-1].commit_message
    assert message == f"Document ids\n\n- DOC-P1M000-DOC-006: {DOCS}x Signed-off-by: N <n@localhost>.md\n"


def test_ids_and_changelog_are_one_group(kept: Verdicts) -> None:
    kept.base = kept.state(kept.base, {"changes/README.md": "x"})
    plan = kept.plan(kept.item("ws-a", {f"{DOCS}c.md": "# C\n", "changes/ws-a.md": "- c\n"}), config=MINT)
    message = f"Changelog\n\n- ws-a: changes/ws-a.md\n- DOC-P1M000-DOC-006: {DOCS}c.md\n"
    assert [group.commit_message for group in plan.commit_groups[1:]] == [message]


@pytest.mark.parametrize(
    "there",
    [
        pytest.param({f"{DOCS}y.md": doc(999)}, id="the family is full"),
        pytest.param({f"{DOCS}doc_ids.json": "{"}, id="the sidecar is broken"),
        pytest.param({"ids/doc_id_module_routing.json": '{"version": 2, "scopes": {}}'}, id="no such place"),
    ],
)
def test_what_cannot_get_an_id_stays_as_it_is(kept: Verdicts, there: Any) -> None:
    kept.base = kept.state(kept.base, there)
    plan = kept.plan(kept.item("ws-a", {f"{DOCS}d.bin": "\0"}), config=MINT)
    assert len(plan.commit_groups) == 1
    assert told(plan)["ws-a"][1] == f"1 finding: {DOCS}d.bin:1: no doc_id"
