"""What documents say that can be derived from code, schemas and contracts, and therefore is."""

from __future__ import annotations

from global_capabilities.derived.build import PLACES, build

__all__ = ["PLACES", "build"]
