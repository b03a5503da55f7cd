"""Scopes and modules of the manifests are those that the document ids are routed by."""

from __future__ import annotations

from collections.abc import Iterator

from global_doc_id.policy import load_policy
from global_doc_id.registry import ROUTING_FILE, Scope, load_registry

from global_capabilities.checks.finding import Finding, Repository


def validate(repository: Repository) -> Iterator[Finding]:
    """Compared in both directions; nothing is compared in a repository without a routing file of its own."""
    folder = load_policy(repository.root).registry
    path = repository.root / folder / ROUTING_FILE
    if not path.is_file():
        return
    declared = {
        package.manifest["doc_scope"]: Scope(
            f"{package.folder.name}/",
            {module["id"][:4]: f"modules/{module['id']}/" for module in package.manifest["modules"]},
        )
        for package in repository.packages
    }
    routed = load_registry(repository.root, folder).scopes
    for code in sorted(declared.keys() | routed.keys()):
        if declared.get(code) != routed.get(code):
            what = f"{_say(routed.get(code))} here, {_say(declared.get(code))} in the manifests"
            yield repository.at(path, f"/scopes/{code}", what, "make them equal")


def _say(scope: Scope | None) -> str:
    return f"{scope.folder} with {', '.join(sorted(scope.modules.values())) or 'no module'}" if scope else "nothing"
