"""Fragments of parallel workstreams end in one changelog, in a last commit group that touches nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from global_capabilities.policies.fragments import task
from global_util.errors import InvalidInput
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from global_util.contracts.commit_plan import CommitPlan

    from PH6_FINALIZATION_PREP.tests.conftest import Files, Verdicts

FOLDER: Files = {"changes/.gitkeep": "", "a.txt": "a\n", "b.txt": "b\n"}
DOCS = "PH1_MAKE/modules/M001_WORK/docs/"
WRITTEN = "the changelog is written from fragments"
TOLD = "the changelog tells of it"


def verdict(plan: CommitPlan, condition: str, name: str | None = None) -> tuple[str, str]:
    """Verdict and evidence of a condition."""
    (one,) = [one for one in plan.definition_of_done if one.condition == condition and one.workstream_id == name]
    return one.verdict, one.evidence


def test_two_fragments_become_one_changelog(verdicts: Verdicts) -> None:
    verdicts.base = verdicts.state(None, {**FOLDER, "CHANGELOG.md": "# Changelog\n\n## 1.0\n\n- x\n"})
    two = verdicts.item("ws-b", {"b.txt": "B\n", "changes/ws-b.md": "- b is B\n"})
    one = verdicts.item("ws-a", {"a.txt": "A\n", "changes/ws-a.md": "- a is A\n"})
    plan = verdicts.plan(two, one)
    assert [(group.group_id, group.workstreams) for group in plan.commit_groups] == [
        ("GRP-001", ("ws-b",)),
        ("GRP-002", ("ws-a",)),
        ("GRP-003", ()),
    ]
    last = plan.commit_groups[-1]
    assert last.description == "Changelog"
    assert last.commit_message == "Changelog\n\n- ws-b: changes/ws-b.md\n- ws-a: changes/ws-a.md\n"
    assert last.files == ("CHANGELOG.md", "changes/ws-a.md", "changes/ws-b.md")
    assert last.depends_on == ("GRP-001", "GRP-002")
    assert last.trailers == {"Execution-Id": "EXEC-2026-01-01-001"}
    assert last.change.base_tree == plan.commit_groups[1].proven_tree
    assert plan.final_tree == last.proven_tree
    assert verdicts.files(plan.final_tree) == {
        "CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n- b is B\n- a is A\n\n## 1.0\n\n- x\n",
        "a.txt": "A\n",
        "b.txt": "B\n",
        "changes/.gitkeep": "",
    }
    assert verdict(plan, TOLD, "ws-a") == ("met", "changes/ws-a.md has 1 line")
    assert verdict(plan, WRITTEN) == ("met", "2 fragments moved into CHANGELOG.md")


@pytest.mark.parametrize(
    ("config", "base", "landed"),
    [
        pytest.param({}, {"changes/README.md": "x"}, True, id="the folder is there"),
        pytest.param({}, {"changes/other.md": "x"}, False, id="a folder of something else"),
        pytest.param({"policy.changelog_fragments": ""}, FOLDER, False, id="switched off"),
        pytest.param({"policy.changelog_fragments": "changes/"}, {}, True, id="asked for"),
    ],
)
def test_when_fragments_are_kept(verdicts: Verdicts, config: Any, base: Files, landed: bool) -> None:
    verdicts.base = verdicts.state(None, {"a.txt": "a\n", **base})
    plan = verdicts.plan(verdicts.item("ws-a", {"changes/ws-a.md": "- one\n"}), config=config)
    assert [group.description for group in plan.commit_groups] == ["A title"] + ["Changelog"] * landed


def test_the_changelog_may_lie_elsewhere(verdicts: Verdicts) -> None:
    verdicts.base = verdicts.state(None, FOLDER)
    item = verdicts.item("ws-a", {"changes/ws-a.md": "one\n"})
    plan = verdicts.plan(item, config={"policy.changelog": "docs/NEWS.md"})
    assert verdicts.files(plan.final_tree)["docs/NEWS.md"] == "# Changelog\n\n## Unreleased\n\n- one\n"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"- \xff\n", "is not UTF-8 at byte 2"),
        (b"x" * 65_537, "has 65537 bytes, at most 65536 are taken"),
        (b" \n", "says nothing"),
        (b"", "says nothing"),
        (b"### Added\n", "says nothing"),
    ],
)
def test_a_fragment_that_cannot_be_taken_stays_where_it_is(verdicts: Verdicts, content: bytes, why: str) -> None:
    verdicts.base = verdicts.state(None, FOLDER)
    bad = verdicts.item("ws-a", {"a.txt": "A\n", "changes/ws-a.md": content})
    good = verdicts.item("ws-b", {"b.txt": "B\n", "changes/ws-b.md": "- b\n"})
    plan = verdicts.plan(bad, good)
    assert verdict(plan, TOLD, "ws-a") == ("not_met", f"changes/ws-a.md {why}")
    assert verdict(plan, WRITTEN)[0] == "not_met"
    files = verdicts.files(plan.final_tree)
    assert "changes/ws-a.md" in files
    assert "changes/ws-b.md" not in files
    assert files["CHANGELOG.md"].endswith("## Unreleased\n\n- b\n")


def test_where_the_changelog_cannot_be_written_all_fragments_stay(verdicts: Verdicts) -> None:
    verdicts.base = verdicts.state(None, {**FOLDER, "CHANGELOG.md/x": "a folder"})
    plan = verdicts.plan(verdicts.item("ws-a", {"a.txt": "A\n", "changes/ws-a.md": "- one\n"}))
    assert len(plan.commit_groups) == 1
    evidence = "CHANGELOG.md is no place for a file; 1 fragment left in place"
    assert verdict(plan, WRITTEN) == ("not_met", evidence)


def test_a_fragment_of_nobody_who_lands_is_left_alone(verdicts: Verdicts) -> None:
    verdicts.base = verdicts.state(None, {**FOLDER, "changes/ws-old.md": "- old\n", "changes/ws-a.md": "- mine\n"})
    plan = verdicts.plan(verdicts.item("ws-a", {"a.txt": "A\n"}))
    assert len(plan.commit_groups) == 1
    assert verdict(plan, TOLD, "ws-a") == ("not_met", "no changes/ws-a.md")
    assert verdict(plan, WRITTEN) == ("not_checked", "no fragment in changes/")


def test_two_that_edit_the_changelog_itself_conflict_as_ever(verdicts: Verdicts) -> None:
    verdicts.base = verdicts.state(None, {**FOLDER, "CHANGELOG.md": "x\n"})
    plan = verdicts.plan(*(verdicts.item(f"ws-{name}", {"CHANGELOG.md": f"{name}\n"}) for name in "ab"))
    assert [entry.reason for entry in plan.quarantine] == ["conflict"]
    assert verdict(plan, TOLD, "ws-a") == ("met", "CHANGELOG.md is changed")


def test_a_workstream_that_is_set_aside_leaves_nothing_in_the_changelog(verdicts: Verdicts) -> None:
    verdicts.base = verdicts.state(None, FOLDER)
    one = verdicts.item("ws-a", {"a.txt": "A\n", "changes/ws-a.md": "- one\n"})
    two = verdicts.item("ws-b", {"a.txt": "B\n", "changes/ws-b.md": "- two\n"})
    assert verdicts.files(verdicts.plan(one, two).final_tree)["CHANGELOG.md"].endswith("Unreleased\n\n- one\n")


def test_the_changelogs_of_touched_modules_get_the_line(verdicts: Verdicts) -> None:
    manifest = json.dumps({"modules": [{"id": "M001_WORK"}]})
    old = "---\nversion: 1\n---\n# Work: changelog\n\n## 0.1\n- first\n"
    verdicts.base = verdicts.state(
        None, {**FOLDER, "PH1_MAKE/phase.manifest.json": manifest, f"{DOCS}MOD_CHANGELOG.md": old}
    )
    source = "PH1_MAKE/src/x.py"
    one = verdicts.item("ws-a", {source: "1\n", "changes/ws-a.md": "### Added\n\n* Works now.\n* And more.\n"})
    two = verdicts.item("ws-b", {"b.txt": "B\n", "changes/ws-b.md": "- b\n"})
    plan = verdicts.plan(one, two)
    assert verdicts.files(plan.final_tree)[f"{DOCS}MOD_CHANGELOG.md"] == old.replace(
        "## 0.1", "## Unreleased\n\n- Works now.\n\n## 0.1"
    )
    assert plan.commit_groups[-1].modules == (".", "PH1_MAKE", "changes")
    told = verdicts.item(
        "ws-a", {source: "1\n", "changes/ws-a.md": "- one\n", f"{DOCS}MOD_CHANGELOG.md": old + "- second\n"}
    )
    assert verdicts.files(verdicts.plan(told).final_tree)[f"{DOCS}MOD_CHANGELOG.md"] == old + "- second\n"


def test_what_a_tool_was_told_about_its_fragment_is_no_task_of_the_plan(verdicts: Verdicts) -> None:
    item = verdicts.item("ws-a", {"a.txt": "A\n"}, tasks=("do it", task("changes/ws-a.md")))
    assert verdicts.plan(item).commit_groups[0].commit_message == "A title\n\n- do it\n"


TEXTS = st.lists(
    st.sampled_from(["- a", "# b", "## Unreleased", "### Fixed", "", "```", "---", "\r", "é", "<!--"]), max_size=6
).map("\n".join)


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.none(), TEXTS), st.lists(st.one_of(TEXTS, st.binary(max_size=9)), min_size=1, max_size=3))
def test_the_group_is_the_same_every_time_and_touches_only_its_files(
    verdicts: Verdicts, changelog: str | None, texts: list[str | bytes]
) -> None:
    verdicts.base = verdicts.state(None, {**FOLDER, "CHANGELOG.md": changelog} if changelog is not None else FOLDER)
    names = [f"ws-{number}" for number in range(len(texts))]
    items = [
        verdicts.item(name, {f"{name}.txt": "x\n", f"changes/{name}.md": text})
        for name, text in zip(names, texts, strict=True)
    ]
    plan = verdicts.plan(*items)
    assert plan == verdicts.plan(*items)
    for group in plan.commit_groups[len(items) :]:
        assert set(group.files) <= {"CHANGELOG.md", *(f"changes/{name}.md" for name in names)}
        assert verdicts.repo.diff(plan.commit_groups[len(items) - 1].proven_tree, plan.final_tree)
    left = verdicts.files(plan.final_tree)
    for item in items:
        fine = verdict(plan, TOLD, item.workstream_id)[0] == "met"
        assert (f"changes/{item.workstream_id}.md" in left) is not fine


@pytest.mark.parametrize(
    "config",
    [
        {"policy.definition_of_done": "maybe"},
        {"policy.not_done": "refuse"},
        {"policy.mint_doc_ids": "yes"},
        {"policy.changelog": "../x"},
        {"policy.changelog": "docs/"},
    ],
)
def test_a_word_that_means_nothing_is_refused(verdicts: Verdicts, config: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        verdicts.plan(config=config)
    assert refused.value.code == "E365"
