"""PH3: from what was changed to the checks that can judge it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from global_aim.project_tools import choose_interpreter, locate
from global_util.checks import Check, TreeFacts, checks
from global_util.contracts.error_check_targets import ErrorCheckTargets, TargetsItem
from global_util.contracts.execution_result import ExecutionItem, ExecutionResult
from global_util.errors import InvalidInput
from global_util.process import clean_environment

from ph3_exec_to_error.choice import Enabled, targets

if TYPE_CHECKING:
    from global_util.phase import Context

_SHEBANG_LIMIT = 65536


class ExecToError:
    """The item phase behind ``ph3 run``."""

    id = "PH3_EXEC_TO_ERROR"
    consumes = ExecutionResult.SCHEMA
    produces = ErrorCheckTargets.SCHEMA
    reads = ("checks.enabled", "checks.python", "checks.timeout_s")

    def one(self, item: ExecutionItem, ctx: Context) -> TargetsItem:
        """The checks for one workstream."""
        plugins = checks()
        return targets(
            item,
            plugins,
            _facts(ctx, item, plugins),
            _enabled(ctx.config.get("checks.enabled")),
            lambda check: _available(ctx, check),
            ctx.config.get("checks.timeout_s"),
            _shebangs(ctx, item),
        )


def _enabled(value: Any) -> Enabled:
    if value == "auto":
        return "auto"
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise InvalidInput(
        f"checks.enabled = {value!r}", 'give "auto" or a list of check ids: ["ruff", "acceptance"]', "E341"
    )


def _facts(ctx: Context, item: ExecutionItem, plugins: dict[str, Check]) -> TreeFacts:
    """What the tree holds, with the configuration files that plugins want to look into."""
    if item.status not in ("edited", "no_change") or not plugins:
        return TreeFacts(frozenset(), {})
    known = frozenset(ctx.repo.paths_of(item.head.tree))
    wanted = sorted({name for plugin in plugins.values() for name in plugin.config_files} & known)
    texts = {name: text for name in wanted if (text := ctx.repo.read_file(item.head.tree, name)) is not None}
    return TreeFacts(known, texts)


def _available(ctx: Context, check: Check) -> bool:
    interpreter = choose_interpreter(ctx.config.get("checks.python") or "", ctx.repo.worktree)
    tree = ctx.repo.worktree or ctx.repo.cwd
    return locate(check.tool, check.python_module, tree, interpreter, clean_environment({})["PATH"]) is not None


def _shebangs(ctx: Context, item: ExecutionItem) -> dict[str, str]:
    """First lines of changed executable files without an extension."""
    found = {}
    for change in item.changes:
        if change.new_mode == "100755" and "." not in change.path.rpartition("/")[2]:
            text = ctx.repo.read_file(item.head.tree, change.path, _SHEBANG_LIMIT) or ""
            found[change.path] = text.partition("\n")[0]
    return found


PHASE = ExecToError()
