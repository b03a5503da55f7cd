"""What a reader has to say about a plan: notes for what it did not take as it stands, questions for people."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from global_util.contracts.workstream_set import Note, Question

from ph0_planning.files import Document

MAX_NOTES = 5_000
MAX_TEXT = 300

NoteKind = Literal["not_understood", "inferred", "skipped", "conflict", "converted"]
QuestionKind = Literal["scope", "clarification", "dependency", "plan"]


def shortened(text: str, limit: int = MAX_TEXT) -> str:
    """``text`` without outer white space, cut at ``limit`` characters."""
    stripped = text.strip()
    return stripped if len(stripped) <= limit else stripped[:limit].rstrip() + "..."


class Findings:
    """Collects notes and questions. Above ``MAX_NOTES`` notes are counted, and the count is a note."""

    def __init__(self) -> None:
        self._notes: dict[Note, None] = {}
        self._uncounted: Counter[str] = Counter()
        self._questions: dict[Question, None] = {}

    def note(self, kind: NoteKind, document: Document, line: int | None, why: str, text: str | None = None) -> None:
        """Remember a note about a line (from 1) of a document; its text is the line's unless given."""
        said = text if text is not None else document.lines[line - 1] if line else ""
        self.note_at(kind, document.path, line, why, said)

    def note_at(self, kind: NoteKind, path: str, line: int | None, why: str, text: str) -> None:
        """Remember a note about a place that is no document."""
        if len(self._notes) >= MAX_NOTES:
            self._uncounted[path] += 1
            return
        self._notes[Note(kind=kind, path=path, line=line, text=shortened(text), why=why)] = None

    def ask(
        self,
        kind: QuestionKind,
        text: str,
        workstream_id: str | None = None,
        document: Document | None = None,
        line: int | None = None,
    ) -> None:
        """Remember a question to a person."""
        path = document.path if document else None
        self._questions[Question(kind=kind, workstream_id=workstream_id, text=text, path=path, line=line)] = None

    def notes(self) -> tuple[Note, ...]:
        """All notes by place."""
        more = [
            Note(kind="skipped", path=path, text=f"{count} more", why=f"only {MAX_NOTES} notes are listed")
            for path, count in self._uncounted.items()
        ]
        return tuple(
            sorted([*self._notes, *more], key=lambda note: (note.path, note.line or 0, note.kind, note.why, note.text))
        )

    def questions(self) -> tuple[Question, ...]:
        """All questions, by workstream and place."""
        return tuple(
            sorted(
                self._questions,
                key=lambda asked: (
                    asked.workstream_id or "",
                    asked.path or "",
                    asked.line or 0,
                    asked.kind,
                    asked.text,
                ),
            )
        )
