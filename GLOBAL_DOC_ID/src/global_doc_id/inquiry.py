"""What git is asked about named files, before anything else is done: it looks while the rest is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from global_doc_id.comparison import resolve, start_listing
from global_doc_id.file_types import sidecar_of
from global_doc_id.git import Git, end
from global_doc_id.known import Known

if TYPE_CHECKING:
    from global_doc_id.judgement import Asked


class Inquiry:
    """``known``: the ids of the index. ``listing``: what the baseline had of ``paths``, the named files and their sidecars."""

    def __init__(self, git: Git, asked: Asked) -> None:
        self.git = git
        baseline = resolve(git, asked.since) if asked.since else "HEAD"
        self.paths = sorted({*asked.files, *map(sidecar_of, asked.files)})
        self.known = Known(git)
        self.listing = start_listing(git, baseline, self.paths)

    def close(self) -> None:
        """Let go of git."""
        end(self.listing)
        self.known.close()
