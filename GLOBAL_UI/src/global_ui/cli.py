"""``pipeline``: the one command that runs the whole line, and the commands that look at what it left."""

from __future__ import annotations

import click
from global_util.cli import LazyGroup, version_option

_OWN = {
    "run": ("global_ui.run_command:run", "Run a plan: from workstreams to merged commits."),
    "demo": ("global_ui.demo_command:demo", "Show every outcome on a small repository in a temporary folder."),
    "artifact": ("global_ui.artifact_commands:artifact", "Validate, show and trace artifacts."),
    "config": ("global_ui.config_commands:config", "Show the configuration and where each value comes from."),
}


class _Commands(LazyGroup):
    """Our own commands and those that rooms add under the entry-point group ``pipeline.commands``."""

    def added(self) -> dict[str, tuple[str, str]]:
        """What rooms add."""
        from global_util.installed import entry_values

        return {name: (value, "") for name, value in entry_values("pipeline.commands").items()}


@click.group(
    cls=_Commands,
    lazy=_OWN,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example:  pipeline run openspec/changes/add-login --tool aider",
)
@version_option("phaseline-global-ui")
def main() -> None:
    """From a plan to merged commits: AI coding clients in isolated worktrees, checked, repaired, saved."""
