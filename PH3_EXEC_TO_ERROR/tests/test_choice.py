"""Which checks are chosen. The plugins here are small ones of our own: PH3 knows none by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from global_util.checks import Check, Finished, Outcome, TreeFacts, Wanted
from global_util.contracts.error_check_targets import CheckKind, TargetFile
from global_util.contracts.execution_result import ExecutionItem
from global_util.contracts.item import Base, Change, Limits, Scope, ScopeReport, State, Work
from global_util.contracts.workstream import AcceptanceDescribe, AcceptanceRun
from global_util.errors import Exit, InvalidInput
from ph3_exec_to_error.choice import Choice, choose, targets

BLOB, NONE = "b" * 40, "0" * 40
FACTS = TreeFacts(frozenset({"a.py"}), {})
TESTS = (AcceptanceRun(run=("pytest", "-q"), timeout_s=7), AcceptanceDescribe(describe="it is nice"))


@dataclass
class Linter:
    """Wants every file that is not deleted, or whatever it is told to want."""

    id: str = "linter"
    tool: str = "lint"
    kind: CheckKind = "lint"
    config_files: tuple[str, ...] = ()
    python_module: str | None = None
    configured: bool = False
    refuses: str = ""
    seen: list[TargetFile] = field(default_factory=list)

    def wanted(self, files: Sequence[TargetFile], facts: TreeFacts) -> Wanted:
        self.seen.extend(files)
        paths = tuple(file.path for file in files if file.change != "D")
        run = not self.refuses
        return Wanted(run, self.refuses or "files changed", self.configured, paths, argv=("lint", "--", *paths))

    def read(self, finished: Finished, files: Sequence[str]) -> Outcome:
        return Outcome("pass")

    def fixer(self, files: Sequence[str]) -> tuple[str, ...] | None:
        return None


def _item(*changes: Change, acceptance: Any = (), **values: Any) -> ExecutionItem:
    work = Work(
        title="a",
        tasks=("do it",),
        scope=Scope(files_scope=("**",)),
        acceptance=acceptance,
        context=(),
        tool="replay",
        limits=Limits(max_attempts=2, max_error_repeats=2, oscillation_threshold=2),
        plan_source="plan.md",
    )
    fields = {
        "workstream_id": "ws-a",
        "inputs": (),
        "work": work,
        "base": Base(commit=BLOB, tree=BLOB),
        "head": State(commit=BLOB, tree=BLOB),
        "status": "edited",
        "changes": changes or (_change("a.py"),),
        "changes_total": 1,
        "scope": ScopeReport(verdict="inside"),
        "calls": (),
        **values,
    }
    return ExecutionItem.seal(**fields)


def _change(path: str, status: Any = "M", mode: Any = "100644") -> Change:
    return Change(path=path, status=status, old_mode=mode, new_mode=mode, old_blob=BLOB, new_blob=BLOB)


def _choose(item: ExecutionItem, *plugins: Check, enabled: Any = "auto", there: bool = True, **values: Any) -> Choice:
    available: Callable[[Check], bool] = lambda check: there  # noqa: E731
    known = {plugin.id: plugin for plugin in plugins}
    return choose(item, known, FACTS, enabled, available, 60, values.get("shebangs", {}))


def _ids(choice: Choice) -> tuple[list[str], dict[str, str]]:
    _, chosen, not_chosen = choice
    return [check.check_id for check in chosen], {check.check_id: check.why for check in not_chosen}


@pytest.mark.parametrize(
    ("enabled", "configured", "there", "chosen", "why"),
    [
        pytest.param("auto", False, True, True, "", id="auto, there"),
        pytest.param("auto", False, False, False, "tool not installed", id="auto, missing"),
        pytest.param("auto", True, False, True, "", id="auto, configured and missing"),
        pytest.param(("linter",), False, False, True, "", id="named and missing"),
        pytest.param(("linter",), False, True, True, "", id="named"),
        pytest.param(("acceptance",), True, True, False, "checks.enabled does not name it", id="another named"),
        pytest.param((), True, True, False, "checks.enabled does not name it", id="nothing enabled"),
    ],
)
def test_when_a_wanted_check_is_chosen(enabled: Any, configured: bool, there: bool, chosen: bool, why: str) -> None:
    ids, passed_over = _ids(_choose(_item(), Linter(configured=configured), enabled=enabled, there=there))
    assert ids == (["linter"] if chosen else [])
    assert passed_over == ({} if chosen else {"linter": why})


@pytest.mark.parametrize("enabled", ["auto", ("linter",)])
def test_a_check_that_cannot_judge_the_change_says_why(enabled: Any) -> None:
    assert _ids(_choose(_item(), Linter(refuses="no file"), enabled=enabled)) == ([], {"linter": "no file"})


def test_a_chosen_check_carries_what_the_plugin_wants() -> None:
    files, (check,), _ = _choose(_item(_change("b.py"), _change("a.py", "D")), Linter(kind="type"))
    assert [(file.path, file.language, file.change) for file in files] == [
        ("a.py", "python", "D"),
        ("b.py", "python", "M"),
    ]
    assert (check.tool, check.kind, check.timeout_s, check.why) == ("lint", "type", 60, "files changed")
    assert (check.files, check.argv) == (("b.py",), ("lint", "--", "b.py"))


def test_the_first_line_and_the_mode_tell_the_language() -> None:
    item = _item(_change("run"), _change("link.py", mode="120000"))
    files, _, _ = _choose(item, shebangs={"run": "#!/bin/sh"})
    assert [(file.path, file.language) for file in files] == [("link.py", "link"), ("run", "shell")]


def test_checks_stand_in_the_order_of_their_ids_and_acceptance_comes_last() -> None:
    runs = (*TESTS, AcceptanceRun(run=("make",), timeout_s=9))
    choice = _choose(_item(acceptance=runs), Linter("z"), Linter("b"))
    assert _ids(choice)[0] == ["b", "z", "acceptance-1", "acceptance-2"]


def test_an_acceptance_command_becomes_a_check() -> None:
    _, (check,), _ = _choose(_item(_change("a.py"), _change("b.py", "D"), acceptance=TESTS))
    assert (check.check_id, check.kind, check.tool, check.argv) == (
        "acceptance-1",
        "acceptance",
        "pytest",
        ("pytest", "-q"),
    )
    assert (check.timeout_s, check.whole_tree, check.files) == (7, True, ("a.py",))


@pytest.mark.parametrize(
    ("enabled", "ids"), [("auto", ["acceptance-1"]), (("acceptance",), ["acceptance-1"]), (("linter",), []), ((), [])]
)
def test_acceptance_is_enabled_like_a_check(enabled: Any, ids: list[str]) -> None:
    chosen, passed_over = _ids(_choose(_item(acceptance=TESTS), Linter(refuses="no"), enabled=enabled))
    assert chosen == ids
    assert ("acceptance" in passed_over) is not bool(ids)


def test_a_check_that_nobody_provides_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'nonesuch'") as caught:
        _choose(_item(), Linter(), enabled=("linter", "nonesuch"))
    assert (caught.value.code, caught.value.exit_code) == ("E340", Exit.INVALID)
    assert "acceptance, linter" in caught.value.hint


def test_where_nothing_was_changed_only_acceptance_judges() -> None:
    plugin = Linter()
    item = _item(acceptance=TESTS, status="no_change", changes=())
    assert _ids(_choose(item, plugin)) == (["acceptance-1"], {"linter": "nothing was changed"})
    assert plugin.seen == []


@pytest.mark.parametrize("status", ["failed", "blocked", "abandoned", "interrupted"])
def test_a_workstream_without_an_edit_is_not_judged(status: str) -> None:
    chosen, passed_over = _ids(_choose(_item(acceptance=TESTS, status=status), Linter()))
    assert chosen == []
    assert passed_over == dict.fromkeys(("linter", "acceptance"), f"the workstream is {status}")


def test_a_change_outside_its_scope_is_not_judged() -> None:
    item = _item(acceptance=TESTS, scope=ScopeReport(verdict="violated"))
    chosen, passed_over = _ids(_choose(item, Linter()))
    assert chosen == []
    assert passed_over == {"linter": "scope violated", "acceptance": "scope violated"}


def test_the_targets_name_the_item_they_were_made_for() -> None:
    item = _item(acceptance=TESTS)
    sealed = targets(item, {"linter": Linter()}, FACTS, "auto", lambda check: True, 60, {})
    assert (sealed.inputs, sealed.execution, sealed.work) == ((item.item_id,), item, item.work)
    assert sealed.item_id == sealed.computed_id()
    again = targets(item, {"linter": Linter()}, FACTS, "auto", lambda check: True, 60, {})
    assert again.item_id == sealed.item_id
