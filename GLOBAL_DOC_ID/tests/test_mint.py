"""``doc-id mint`` gives each file the next free number of its place."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result
from global_doc_id.reservations import Reservation, read_reservations, record
from global_doc_id.testing.playground import Playground

DocId = Callable[..., Result]


def minted(answer: Result) -> list[str]:
    assert answer.exit_code == 0, answer.stderr
    return [row["doc_id"] for row in json.loads(answer.stdout)]


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("app/docs/a.md", (), "DOC-AAM000-DOC-001"),
        ("app/modules/M001_RUN/docs/deep/a.md", (), "DOC-AAM001-DOC-001"),
        ("app/src/a.py", (), "SCR-AAM000-SRC-001"),
        ("app/src/a.py", ("--module", "M001"), "SCR-AAM001-SRC-001"),
        ("app/tests/a.py", ("--type", "SCR"), "SCR-AAM000-TST-001"),
        ("base/schema/a.json", (), "DOC-BBM000-SCM-001"),
    ],
)
def test_the_family_follows_from_the_place(
    ground: Playground, doc_id: DocId, name: str, options: tuple[str, ...], expected: str
) -> None:
    ground.put(name, "{}\n")
    assert minted(doc_id("mint", ground.folder / name, *options, "--json")) == [expected]
    assert expected in ground.text(name)


def test_the_next_number_is_behind_all_that_is_known(ground: Playground, doc_id: DocId) -> None:
    ground.document("app/docs/head.md", "DOC-AAM000-DOC-003")
    ground.save()
    ground.put("app/docs/new.md", "# New\n")

    def following() -> str:
        return minted(doc_id("mint", ground.folder / "app/docs/new.md", "--dry-run", "--json"))[0]

    assert following() == "DOC-AAM000-DOC-004"
    (ground.folder / "app/docs/head.md").unlink()
    assert following() == "DOC-AAM000-DOC-004", "HEAD has it"
    ground.document("app/docs/staged.md", "DOC-AAM000-DOC-005")
    ground.git("add", "--all")
    (ground.folder / "app/docs/staged.md").unlink()
    assert following() == "DOC-AAM000-DOC-006", "the index has it"
    ground.put("app/docs/doc_ids.json", json.dumps({"version": 1, "doc_ids": {"x.png": "DOC-AAM000-DOC-007"}}))
    assert following() == "DOC-AAM000-DOC-008", "the sidecar has it"
    ground.put("doc_ids.ledger", "DOC-AAM000-DOC-009\ta\tb\n")
    assert following() == "DOC-AAM000-DOC-010", "the ledger has it"
    ground.put("app/docs/DOC-AAM000-DOC-011__named.csv", "")
    assert following() == "DOC-AAM000-DOC-012", "a name has it"
    ground.document("base/docs/lost.md", "DOC-AAM000-DOC-012")
    ground.save()
    assert following() == "DOC-AAM000-DOC-013", "a file in the wrong place has it"


def test_worktrees_of_one_clone_never_get_the_same_number(ground: Playground, doc_id: DocId) -> None:
    ground.git("worktree", "add", "--quiet", str(ground.folder / "../other"))
    other = ground.folder.parent / "other"
    for root in (ground.folder, other):
        (root / "app/docs").mkdir(parents=True)
        (root / "app/docs/a.md").write_text("# A\n")
    first = minted(doc_id("mint", ground.folder / "app/docs/a.md", "--json"))
    second = minted(doc_id("mint", other / "app/docs/a.md", "--json", "--repo", other))
    assert (first, second) == (["DOC-AAM000-DOC-001"], ["DOC-AAM000-DOC-002"])


def test_a_file_keeps_the_id_that_it_has(ground: Playground, doc_id: DocId) -> None:
    place = ground.document("app/docs/a.md", "DOC-AAM000-DOC-007")
    before = place.read_bytes()
    answer = doc_id("mint", place)
    assert answer.stdout == "DOC-AAM000-DOC-007  app/docs/a.md  (had it already)\n"
    assert place.read_bytes() == before


def test_a_file_with_a_retired_id_gets_another(ground: Playground, doc_id: DocId) -> None:
    place = ground.document("app/docs/a.md", "DOC-AAM000-DOC-007")
    ground.put("doc_ids.ledger", "DOC-AAM000-DOC-007\tapp/docs/a.md\tgone\n")
    assert minted(doc_id("mint", place, "--json")) == ["DOC-AAM000-DOC-008"]
    assert place.read_text() == "---\ndoc_id: DOC-AAM000-DOC-008\n---\n# Title\n"


def test_a_dry_run_writes_nothing(ground: Playground, doc_id: DocId) -> None:
    place = ground.put("app/docs/a.md", "# A\n")
    assert doc_id("mint", place, "--dry-run").stdout == "DOC-AAM000-DOC-001  app/docs/a.md  (dry run)\n"
    assert place.read_text() == "# A\n"
    assert ground.git("status", "--porcelain") == "?? app/"
    assert minted(doc_id("mint", place, "--json")) == ["DOC-AAM000-DOC-001"]


def test_a_sidecar_takes_what_the_policy_or_the_type_says(ground: Playground, doc_id: DocId) -> None:
    names = ["app/config/clean/a.toml", "app/config/clean/b.toml", "app/src/__init__.py", "app/docs/a.png"]
    for name in names:
        ground.put(name, b"\0" if name.endswith("png") else b"")
    answer = doc_id("mint", *(ground.folder / name for name in names))
    assert "(in app/config/clean/doc_ids.json)" in answer.stdout
    assert json.loads(ground.text("app/config/clean/doc_ids.json"))["doc_ids"] == {
        "a.toml": "DOC-AAM000-CFG-001",
        "b.toml": "DOC-AAM000-CFG-002",
    }
    assert all(not (ground.folder / name).read_bytes().strip(b"\0") for name in names)
    assert "had it already" in doc_id("mint", ground.folder / names[0]).stdout


def test_a_new_document_is_named_by_its_id(ground: Playground, doc_id: DocId) -> None:
    answer = doc_id("mint", "--new", ground.folder / "app/docs/Error budget (2).md")
    assert answer.stdout.split() == ["DOC-AAM000-DOC-001", "app/docs/DOC-AAM000-DOC-001__error-budget-2.md"]
    assert ground.text("app/docs/DOC-AAM000-DOC-001__error-budget-2.md") == "# Error budget (2)\n"
    assert minted(doc_id("mint", "--new", ground.folder / "app/docs/x.csv", "--json")) == ["DOC-AAM000-DOC-002"]


def test_a_number_that_never_reached_its_file_waits_for_it(ground: Playground, doc_id: DocId) -> None:
    clone = ground.folder / ".git/phaseline/doc_ids"
    place = ground.put("app/docs/a.md", "# A\n")
    clone.mkdir(parents=True)
    record(clone, [Reservation("DOC-AAM000-DOC-004", "app/docs/a.md", str(ground.folder), False)])
    with (clone / "minted.tsv").open("ab") as cut:
        cut.write(b"DOC-AAM000-DOC-9")
    ground.put("app/docs/b.md", "# B\n")
    assert minted(doc_id("mint", ground.folder / "app/docs/b.md", "--json")) == ["DOC-AAM000-DOC-005"]
    assert minted(doc_id("mint", place, "--json")) == ["DOC-AAM000-DOC-004"]
    place.write_text("# A\n")
    assert minted(doc_id("mint", place, "--json")) == ["DOC-AAM000-DOC-006"], (
        "a number that a file had is not given again"
    )
    assert {one.doc_id[-1]: one.written for one in read_reservations(clone).values()} == dict.fromkeys("456", True)


def test_a_file_that_cannot_be_written_costs_only_its_own(ground: Playground, doc_id: DocId) -> None:
    names = ["app/docs/a.md", "app/docs/b.md", "app/docs/c.md"]
    for name in names:
        ground.put(name, "# T\n")
    (ground.folder / names[1]).chmod(0o444)
    answer = doc_id("mint", *(ground.folder / name for name in names))
    assert answer.exit_code == 3
    assert "app/docs/b.md: is read-only" in answer.stderr
    assert ground.text(names[1]) == "# T\n"
    (ground.folder / names[1]).chmod(0o644)
    again = doc_id("mint", *(ground.folder / name for name in names), "--json")
    assert minted(again) == [f"DOC-AAM000-DOC-{number:03d}" for number in (1, 3, 2)]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("README.md", "# T\n", "README.md"),
        ("notes/a.md", "# T\n", "notes/a.md"),
        ("app/docs/a.md", "---\ndoc_id: DOC-12\n---\n", "app/docs/a.md:2: 'DOC-12' is no doc id"),
        ("app/docs/doc_ids.json", '{"version": 1, "doc_ids": {}}', "ids are kept in it"),
        ("app/docs/missing.md", None, "app/docs/missing.md: no such file"),
        ("../outside.md", None, "lies outside"),
        (".git/config", None, "no file of the working copy"),
    ],
)
def test_what_can_have_no_id_is_refused_before_a_number_is_spent(
    ground: Playground, doc_id: DocId, name: str, content: str | None, told: str
) -> None:
    good = ground.put("app/docs/good.md", "# T\n")
    if content is not None:
        ground.put(name, content)
    answer = doc_id("mint", good, ground.folder / name)
    assert answer.exit_code == 3
    assert told in answer.stderr
    assert good.read_text() == "# T\n"
    assert not (ground.folder / ".git/phaseline/doc_ids/minted.tsv").exists()


def test_outside_of_git_no_number_is_given(tmp_path_factory: pytest.TempPathFactory, doc_id: DocId) -> None:
    folder = tmp_path_factory.mktemp("plain")
    (folder / "GLOBAL_UTIL/docs").mkdir(parents=True)
    (folder / "GLOBAL_UTIL/docs/a.md").write_text("x")
    answer = doc_id("mint", folder / "GLOBAL_UTIL/docs/a.md", "--repo", folder)
    assert answer.exit_code == 4
    assert "git" in answer.stderr


def test_a_full_family_says_so_and_spends_nothing(ground: Playground, doc_id: DocId) -> None:
    ground.document("app/docs/last.md", "DOC-AAM000-DOC-998")
    names = [ground.put(f"app/docs/{name}.md", "# T\n") for name in "ab"]
    answer = doc_id("mint", *names)
    assert answer.exit_code == 3
    assert (
        "DOC-AAM000-DOC: is full: 998 is given, numbers are not given again, and 999 is the last: 1 left, 2 asked for"
        in answer.stderr
    )
    assert "another module" in answer.stderr
    assert minted(doc_id("mint", names[0], "--json")) == ["DOC-AAM000-DOC-999"]
    assert "999 is given, numbers are not given again" in doc_id("mint", names[1]).stderr
    assert names[1].read_text() == "# T\n"
