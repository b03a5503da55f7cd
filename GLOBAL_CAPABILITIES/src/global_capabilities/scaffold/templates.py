"""The texts of new files, from ``templates/`` of this package."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template

from global_util.package_data import data_path


def fill(name: str, values: Mapping[str, str]) -> str:
    """The template ``name`` (``phase/cli.py``) with its values. Raises KeyError when one is missing."""
    place = data_path("global_capabilities", f"templates/{name}.tmpl")
    return Template(place.read_text("utf-8")).substitute(values)
