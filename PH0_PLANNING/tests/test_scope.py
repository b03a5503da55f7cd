"""Which words of a plan are paths."""

from __future__ import annotations

import pytest
from global_util.contracts.workstream import LiteralPath
from global_util.paths import entry_path, fault
from hypothesis import given
from hypothesis import strategies as st
from ph0_planning.scope import KnownPaths, Mentions, mentions


def _found(text: str, *known_texts: str) -> Mentions:
    known = KnownPaths()
    known.learn([text, *known_texts])
    return mentions([text], known, lambda word: word == "notes/of-plan.md")


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        pytest.param(
            "change `src/app.py` and src/lib/util.ts", ["src/app.py", "src/lib/util.ts"], id="ticked and bare"
        ),
        pytest.param("see `src/app.py:28-45`, src/b.py#L10.", ["src/app.py", "src/b.py"], id="line numbers"),
        pytest.param("add `src/new.py` (new) and ./src/x.py", ["src/new.py", "src/x.py"], id="marks around"),
        pytest.param("\u5728src/a.ts\u4e2d\uff1asrc/b.vue", ["src/a.ts", "src/b.vue"], id="other scripts around"),
        pytest.param("create `src/models/` below", ["src/models/"], id="folder"),
        pytest.param("change `packages/router`", ["packages/router", "packages/router/"], id="file or folder"),
        pytest.param("change `apps/{web,api}/main.ts`", ["apps/api/main.ts", "apps/web/main.ts"], id="braces"),
        pytest.param("write `out/{id}.json`", ["out/*.json"], id="placeholder"),
        pytest.param("Update README.md and `package.json`", ["README.md", "package.json"], id="files of the root"),
        pytest.param("change `Panel.vue`", ["**/Panel.vue"], id="no folder"),
        pytest.param("see `notes/of-plan.md`, `design.md`", [], id="files of the plan"),
        pytest.param("and/or, Node.js, `ctx.json`, `app.use`, 1.1/1.2, v1.0/v2.0", [], id="no paths"),
        pytest.param(
            "https://example.com/a.html github.com/a/b.py `@scope/pkg` `--flag`", [], id="addresses and packages"
        ),
        pytest.param("run `pytest tests/test_a.py -q`", [], id="commands"),
        pytest.param("branch `feature/login`, `GET /users`", [], id="unknown folders"),
    ],
)
def test_paths_in_text(text: str, paths: list[str]) -> None:
    assert sorted(_found(text).entries) == paths


def test_a_bare_name_means_the_one_path_that_the_plan_knows() -> None:
    assert sorted(_found("change `Panel.vue`", "in src/ui/Panel.vue").entries) == ["src/ui/Panel.vue"]
    assert sorted(_found("change `Panel.vue`", "a/Panel.vue b/Panel.vue").entries) == ["**/Panel.vue"]


def test_brackets_in_a_path_are_no_pattern() -> None:
    assert _found("change `app/[id]/page.tsx`").sorted_entries() == (LiteralPath(path="app/[id]/page.tsx"),)


@pytest.mark.parametrize("path", ["/etc/passwd.txt", "../other/a.py", "src/../../a.py", ".git/hooks/x.sh"])
def test_paths_that_must_not_be_used_are_told(path: str) -> None:
    found = _found(f"change `{path}`")
    assert not found.entries
    assert path in found.refused


@given(st.lists(st.text(alphabet="ab./*{}[],`~:\\-@ \u4e2d", max_size=40), max_size=4))
def test_no_text_gives_a_path_that_must_not_be_used(texts: list[str]) -> None:
    known = KnownPaths()
    known.learn(texts)
    for entry in mentions(texts, known, lambda _: False).sorted_entries():
        assert fault(entry_path(entry)) == ""
