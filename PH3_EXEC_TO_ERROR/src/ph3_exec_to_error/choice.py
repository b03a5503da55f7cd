"""Which checks can judge a workstream's change, and why the others do not run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from global_util.checks import Check, TreeFacts, Wanted
from global_util.contracts.error_check_targets import ChosenCheck, NotChosen, TargetFile, TargetsItem
from global_util.contracts.execution_result import ExecutionItem
from global_util.contracts.workstream import AcceptanceRun
from global_util.errors import InvalidInput

from ph3_exec_to_error.language import tell_language

ACCEPTANCE = "acceptance"
Enabled = Literal["auto"] | tuple[str, ...]
Choice = tuple[tuple[TargetFile, ...], tuple[ChosenCheck, ...], tuple[NotChosen, ...]]


def choose(
    item: ExecutionItem,
    plugins: Mapping[str, Check],
    facts: TreeFacts,
    enabled: Enabled,
    available: Callable[[Check], bool],
    timeout_s: int,
    shebangs: Mapping[str, str],
) -> Choice:
    """The changed files, the checks that will run and those that will not; checks by id, acceptance last.

    ``available`` says whether a check's tool is there; ``timeout_s`` bounds each check but the acceptance commands,
    which have their own; ``shebangs`` holds the first lines of changed scripts by path.
    Raises InvalidInput (E340) when ``enabled`` names a check that nobody provides.
    """
    _refuse_unknown(enabled, plugins)
    files = _target_files(item, shebangs)
    refusal = _why_nothing(item)
    chosen: list[ChosenCheck] = []
    passed_over: list[NotChosen] = []
    for check_id, plugin in sorted(plugins.items()):
        answer = refusal or _ask(check_id, plugin, files, item, facts, enabled, available)
        if isinstance(answer, str):
            passed_over.append(NotChosen(check_id=check_id, why=answer))
        else:
            chosen.append(_chosen(check_id, plugin, answer, timeout_s))
    runs = [test for test in item.work.acceptance if isinstance(test, AcceptanceRun)]
    if runs and (refusal or not _is_enabled(ACCEPTANCE, enabled)):
        passed_over.append(NotChosen(check_id=ACCEPTANCE, why=refusal or _NOT_ENABLED))
    elif runs:
        chosen += [_acceptance(number, run, files) for number, run in enumerate(runs, 1)]
    return files, tuple(chosen), tuple(passed_over)


def targets(
    item: ExecutionItem,
    plugins: Mapping[str, Check],
    facts: TreeFacts,
    enabled: Enabled,
    available: Callable[[Check], bool],
    timeout_s: int,
    shebangs: Mapping[str, str],
) -> TargetsItem:
    """The choice as the item that PH4 reads. Parameters and errors as for ``choose``."""
    files, checks, not_chosen = choose(item, plugins, facts, enabled, available, timeout_s, shebangs)
    return TargetsItem.seal(
        **item.common(),
        inputs=(item.item_id,),
        execution=item,
        files=files,
        checks=checks,
        not_chosen=not_chosen,
    )


_NOT_ENABLED = "checks.enabled does not name it"


def _refuse_unknown(enabled: Enabled, plugins: Mapping[str, Check]) -> None:
    known = sorted({*plugins, ACCEPTANCE})
    unknown = [] if enabled == "auto" else [name for name in enabled if name not in known]
    if unknown:
        raise InvalidInput(
            f"checks.enabled names {unknown[0]!r}, which no installed check provides",
            f"known: {', '.join(known)}",
            "E340",
        )


def _is_enabled(check_id: str, enabled: Enabled) -> bool:
    return enabled == "auto" or check_id in enabled


def _why_nothing(item: ExecutionItem) -> str:
    """Why no check at all will run, or an empty string."""
    if item.status not in ("edited", "no_change"):
        return f"the workstream is {item.status}"
    return "scope violated" if item.scope.verdict == "violated" else ""


def _target_files(item: ExecutionItem, shebangs: Mapping[str, str]) -> tuple[TargetFile, ...]:
    return tuple(
        TargetFile(
            path=change.path,
            language=tell_language(
                change.path,
                shebangs.get(change.path, ""),
                change.old_mode if change.status == "D" else change.new_mode,
            ),
            change=change.status,
        )
        for change in sorted(item.changes, key=lambda change: change.path)
    )


def _ask(
    check_id: str,
    plugin: Check,
    files: tuple[TargetFile, ...],
    item: ExecutionItem,
    facts: TreeFacts,
    enabled: Enabled,
    available: Callable[[Check], bool],
) -> Wanted | str:
    """What the plugin wants to run, or why it does not run."""
    if not _is_enabled(check_id, enabled):
        return _NOT_ENABLED
    if item.status == "no_change":
        return "nothing was changed"
    wanted = plugin.wanted(files, facts)
    if not wanted.run:
        return wanted.why
    asked_for = wanted.configured or enabled != "auto"
    return wanted if asked_for or available(plugin) else "tool not installed"


def _chosen(check_id: str, plugin: Check, wanted: Wanted, timeout_s: int) -> ChosenCheck:
    return ChosenCheck(
        check_id=check_id,
        tool=plugin.tool,
        kind=plugin.kind,
        files=wanted.files,
        whole_tree=wanted.whole_tree,
        argv=wanted.argv,
        timeout_s=timeout_s,
        why=wanted.why,
    )


def _acceptance(number: int, test: AcceptanceRun, files: tuple[TargetFile, ...]) -> ChosenCheck:
    """The plan's author says that this command proves the change, so it counts as reading all of it."""
    return ChosenCheck(
        check_id=f"{ACCEPTANCE}-{number}",
        tool=test.run[0],
        kind="acceptance",
        files=tuple(file.path for file in files if file.change != "D"),
        whole_tree=True,
        argv=test.run,
        timeout_s=test.timeout_s,
        why="the plan asks for it",
    )
