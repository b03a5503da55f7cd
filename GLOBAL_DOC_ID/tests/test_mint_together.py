"""Several processes give numbers at once: no duplicate, no gap that is not explained."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from click.testing import Result
from global_doc_id.testing.playground import Playground

PROCESSES = int(os.environ.get("DOC_ID_PROCESSES", "4"))
FILES = int(os.environ.get("DOC_ID_FILES", "60"))
FAMILIES = ("app/docs", "app/modules/M001_RUN/docs", "app/src", "base/schema")
MINT = (sys.executable, "-c", "from global_doc_id.cli import main; main()", "mint", "--json")


def start(root: Path, names: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*MINT, *names], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def share(ground: Playground, number: int) -> list[list[str]]:
    """The files of one process in bundles of five, over all families and carriers."""
    names = []
    for place in range(FILES // PROCESSES):
        ending = ("md", "py", "json", "png")[place % 4]
        name = f"{FAMILIES[(place // 4) % 4]}/p{number}n{place}.{ending}"
        ground.put(name, b"{}" if ending == "json" else b"")
        names.append(name)
    return [names[place : place + 5] for place in range(0, len(names), 5)]


def test_processes_that_mint_at_once_never_give_a_number_twice(
    ground: Playground, doc_id: Callable[..., Result]
) -> None:
    shares = [share(ground, number) for number in range(PROCESSES)]
    given = []
    while any(shares):
        running = [start(ground.folder, bundles.pop()) for bundles in shares if bundles]
        for process in running:
            out, err = process.communicate()
            assert process.returncode == 0, err
            given += [row["doc_id"] for row in json.loads(out)]
    assert len(given) == len(set(given)) == FILES // PROCESSES * PROCESSES
    rows = json.loads(doc_id("index", "--json").stdout)
    assert sorted(row["doc_id"] for row in rows) == sorted(given)
    families = json.loads(doc_id("stats", "--json").stdout)
    assert sum(family["count"] for family in families) == len(given)
    assert [gap for family in families for gap in family["gaps"]] == []


def test_a_process_killed_in_the_middle_leaves_whole_files_and_only_gaps_that_are_explained(
    ground: Playground, doc_id: Callable[..., Result]
) -> None:
    names = [f"app/docs/n{place}.md" for place in range(60)]
    for name in names:
        ground.put(name, "# T\n")
    process = start(ground.folder, names)
    while process.poll() is None and not any("doc_id" in ground.text(name) for name in names):
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    for name in names:
        assert ground.text(name).endswith("# T\n")
        assert ground.text(name).count("---\n") in (0, 2)
    for name in names[::2]:
        assert doc_id("mint", ground.folder / name).exit_code == 0
    [family] = json.loads(doc_id("stats", "--json").stdout)
    assert {gap["reason"] for gap in family["gaps"]} <= {"reserved"}
    assert doc_id("mint", *(ground.folder / name for name in names)).exit_code == 0
    [family] = json.loads(doc_id("stats", "--json").stdout)
    assert (family["count"], family["next"], family["gaps"]) == (60, 61, [])
