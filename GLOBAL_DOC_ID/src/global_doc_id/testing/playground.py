"""A small repository with codes of its own, for tests of the commands."""

from __future__ import annotations

import json
from pathlib import Path

from global_util.testing import Sandbox

ROUTING = {
    "version": 2,
    "scopes": {
        "AA": {"folder": "app/", "modules": {"M001": "modules/M001_RUN/"}},
        "BB": {"folder": "base/", "modules": {}},
    },
}
KINDS = {
    "version": 1,
    "types": {"DOC": "a document", "SCR": "a script", "TST": "a test"},
    "kinds": {"SRC": "src/", "DOC": "docs/", "TST": "tests/", "SCM": "schema/", "CFG": "config/"},
    "default_types": {"SRC": "SCR", "DOC": "DOC", "TST": "TST", "SCM": "DOC", "CFG": "DOC"},
}
POLICY = '[doc_id]\nrequire = ["*/docs/*.md"]\nsidecar = ["app/config/clean/**"]\n'


class Playground(Sandbox):
    """One commit: policy and registries. ``app/`` has the scope AA and the module M001, ``base/`` the scope BB."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.put("pipeline.toml", POLICY)
        self.put("GLOBAL_DOC_ID/schema/doc_id_module_routing.json", json.dumps(ROUTING))
        self.put("GLOBAL_DOC_ID/schema/doc_id_kinds.v1.json", json.dumps(KINDS))
        self.save()

    def put(self, name: str, content: str | bytes) -> Path:
        """Write a file of the working copy."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def document(self, name: str, doc_id: str, text: str = "# Title\n") -> Path:
        """Write a Markdown document with an id."""
        return self.put(name, f"---\ndoc_id: {doc_id}\n---\n{text}")

    def text(self, name: str) -> str:
        """The content of a file of the working copy."""
        return (self.folder / name).read_text("utf-8")

    def save(self, day: int = 1) -> str:
        """Commit all there is on a day of January; the commit."""
        when = {f"GIT_{role}_DATE": f"2026-01-{day:02d}T00:00:00Z" for role in ("AUTHOR", "COMMITTER")}
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "x", env=when)
        return self.git("rev-parse", "HEAD")
