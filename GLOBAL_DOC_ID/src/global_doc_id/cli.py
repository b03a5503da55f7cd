"""``doc-id``: ids of documents and other files, what they say, where they belong, and whether they are right."""

from __future__ import annotations

import click
from global_util.cli import LazyGroup, version_option

_HERE = "global_doc_id"
COMMANDS = {
    "validate": (f"{_HERE}.validate_command:validate_command", "Check the ids of all files, or of FILES."),
    "mint": (f"{_HERE}.mint_commands:mint_command", "Give each FILE the next free number of its place."),
    "retire": (f"{_HERE}.mint_commands:retire_command", "Take an id out of use, and into the ledger."),
    "rename": (f"{_HERE}.mint_commands:rename_command", "Give a file another id, and change every reference."),
    "fix-duplicates": (f"{_HERE}.mint_commands:fix_duplicates_command", "After a merge, give each id to one file."),
    "migrate": (f"{_HERE}.mint_commands:migrate_command", "Replace ids of the older form."),
    "route": (f"{_HERE}.query_commands:route_command", "Print the folder that an id belongs into."),
    "find": (f"{_HERE}.query_commands:find_command", "Print where an id is."),
    "index": (f"{_HERE}.query_commands:index_command", "Print every id with its file."),
    "stats": (f"{_HERE}.query_commands:stats_command", "Print how many ids each family has."),
}
"""Name to where the command lives and what it does; each is imported when it is asked for."""


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@version_option("phaseline-global-doc-id")
def main() -> None:
    """Document ids: what they say, where they belong.

    Example:  doc-id validate
    """
