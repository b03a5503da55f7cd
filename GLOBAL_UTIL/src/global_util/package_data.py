"""Where a package's shipped files lie: ``schema/``, ``config/`` and its manifest, installed or in the working tree."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def data_path(package: str, name: str) -> Path:
    """The file ``name`` (``config/executor.yaml``, ``phase.manifest.json``) of an import package, which is not imported.

    A wheel carries it under ``<package>/_data/``; in an editable install it stands beside ``src/``.
    Raises FileNotFoundError when the package is not installed or ships no such file.
    """
    spec = find_spec(package)
    folder = Path(spec.origin).parent if spec and spec.origin else Path(package)
    for place in (folder / "_data", *folder.parents[1:2]):
        if (place / name).exists():
            return place / name
    raise FileNotFoundError(f"{package} ships no {name}")
