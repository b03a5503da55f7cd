"""From a path to what a plan says: finds the format that recognises it, and lets it read."""

from __future__ import annotations

from pathlib import Path

from global_util.plan_formats import Granularity, PlanFormat, Reading, plan_formats

from ph0_planning.errors import FormatAmbiguous, FormatNotInstalled, FormatUnknown, PathMissing, PlanEmpty


def read_plan(path: Path, root: Path, format_id: str | None = None, granularity: Granularity = "group") -> Reading:
    """Read the plan at ``path`` (a file or a folder) of the repository ``root``.

    ``format_id`` overrides what the files look like. Raises InvalidInput (exit 3), codes E310 to E323, for a plan that
    is missing, empty, of no or of several formats, or that its format cannot read.
    """
    shown = str(path.relative_to(root)) if path.is_relative_to(root) and path != root else str(path)
    _refuse_nothing(path, shown)
    formats = plan_formats()
    chosen = formats.get(format_id) if format_id else _recognised(path, shown, formats)
    if chosen is None:
        raise FormatNotInstalled(f"--format {format_id}: no such plan format", f"installed: {', '.join(formats)}")
    return chosen.read(path, root, granularity)


def _refuse_nothing(path: Path, shown: str) -> None:
    try:
        if not path.exists():
            raise PathMissing(f"{shown}: no such file or folder", "give a plan's file or folder")
        is_empty = not any(path.iterdir()) if path.is_dir() else path.is_file() and path.stat().st_size == 0
    except (OSError, ValueError) as fault:
        raise PathMissing(f"{shown!r}: cannot be opened: {fault}", "give a plan's file or folder") from None
    if is_empty:
        raise PlanEmpty(f"{shown}: nothing in it", "write the plan, or give another path")


def _recognised(path: Path, shown: str, formats: dict[str, PlanFormat]) -> PlanFormat:
    matching = [found for found in formats.values() if found.recognises(path)]
    known = ", ".join(f"{found.id} ({found.title})" for found in formats.values())
    if not matching:
        raise FormatUnknown(f"{shown}: not a plan of any known format", f"known: {known}; or name one with --format")
    if len(matching) > 1:
        names = " and ".join(found.id for found in matching)
        raise FormatAmbiguous(f"{shown}: looks like {names}", f"say which with --format {matching[0].id}")
    return matching[0]
