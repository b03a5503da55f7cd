"""``pipeline``: the one command that runs the whole line, and the commands that look at what it left."""

from __future__ import annotations

import click
from global_util.cli import LazyGroup, version_option

_OWN = {
    "run": ("global_ui.run_command:run", "Run a plan: from workstreams to merged commits."),
    "list": ("global_ui.runs_commands:list_", "List the runs of the repository, oldest first."),
    "budget": ("global_ui.budget_command:budget", "Show what AI tools have spent, and what they may."),
    "show-run": ("global_ui.runs_commands:show_run", "Show what a run is doing, or came to."),
    "show-dag": ("global_ui.graph_commands:show_dag", "Draw the steps of a run with their states."),
    "show-errors": ("global_ui.events_commands:show_errors", "Show what went wrong in a run."),
    "show-events": ("global_ui.events_commands:show_events", "Show all that happened in a run, in order."),
    "recover-run": ("global_ui.recovery_commands:recover_run", "Look at a run whose process died: what is next."),
    "abandon-run": ("global_ui.recovery_commands:abandon_run", "Give up a run that did not end."),
    "reset-workstream": ("global_ui.reset_command:reset_workstream", "Let a workstream of a run begin anew."),
    "rollback-workstream": (
        "global_ui.rollback_command:rollback_workstream",
        "Take back what a workstream landed.",
    ),
    "demo": ("global_ui.demo_command:demo", "Show every outcome on a small repository in a temporary folder."),
    "artifact": ("global_ui.artifact_commands:artifact", "Validate, show and trace artifacts."),
    "keep": ("global_ui.keep_commands:keep", "Look at kept work, bring it back, or clear what is held elsewhere."),
    "claim": ("global_ui.claim_commands:claim", "Take an item of a run for one holder, for some time."),
    "release": ("global_ui.claim_commands:release", "Give a claimed item up."),
    "status": ("global_ui.claim_commands:status", "Show the runs: how they stand, and who holds what."),
    "verify": ("global_ui.verify_command:verify", "Compute again what a run left, and name what does not fit."),
    "audit": ("global_ui.audit_commands:audit", "Push the anchors of runs to a remote."),
    "replay": ("global_ui.replay_command:replay", "Repeat a finished run from its recordings, and compare."),
    "config": ("global_ui.config_commands:config", "Show the configuration and where each value comes from."),
}


class _Commands(LazyGroup):
    """Our own commands and those that rooms add under the entry-point group ``pipeline.commands``."""

    def added(self) -> dict[str, tuple[str, str]]:
        """What rooms add. What it does stands in a module that is not imported for a list."""
        from global_util.installed import entry_values

        found = entry_values("pipeline.commands")
        return {name: (value, f"Of {value.partition('.')[0]}: see its --help.") for name, value in found.items()}


@click.group(
    cls=_Commands,
    lazy=_OWN,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example:  pipeline run openspec/changes/add-login --tool aider",
)
@version_option("phaseline-global-ui")
def main() -> None:
    """From a plan to merged commits: AI coding clients in isolated worktrees, checked, repaired, saved."""
