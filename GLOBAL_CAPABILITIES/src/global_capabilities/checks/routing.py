"""Scopes and modules of the manifests are those that the document ids are routed by."""

from __future__ import annotations

from collections.abc import Iterator

from global_doc_id.registry import FOLDER, ROUTING_FILE, Scope, load_registry

from global_capabilities.checks.finding import Finding, Repository


def validate(repository: Repository) -> Iterator[Finding]:
    """Compared in both directions; nothing is compared in a repository without a routing file of its own."""
    path = repository.root / FOLDER / ROUTING_FILE
    if not path.is_file():
        return
    declared = {
        package.manifest["doc_scope"]: Scope(
            f"{package.folder.name}/",
            {module["id"][:4]: f"modules/{module['id']}/" for module in package.manifest["modules"]},
        )
        for package in repository.packages
    }
    routed = load_registry(repository.root).scopes
    for code in sorted(declared.keys() | routed.keys()):
        if declared.get(code) != routed.get(code):
            what = f"/scopes/{code}: {_say(routed.get(code))} here, {_say(declared.get(code))} in the manifests"
            yield repository.finding(path, what, "make them equal")


def _say(scope: Scope | None) -> str:
    return f"{scope.folder} with {', '.join(sorted(scope.modules.values())) or 'no module'}" if scope else "nothing"
