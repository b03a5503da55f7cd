"""Python imports a module of this name at its start: here the watching begins, where the matrix asks for it."""

from __future__ import annotations

from scripts.crash.witness import watch

watch()
