"""Each lease has its own port and its own names, across threads, processes and repositories; a dead one has none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from global_aim import resource, workspace
from global_aim.slot import Slot
from global_util.config import Settings, flatten
from global_util.errors import EnvironmentFault, Held, InvalidInput
from global_util.testing import FILE, Sandbox

LEASE = """
import json, sys
from pathlib import Path
from global_aim import workspace
from global_util.config import Settings
from global_util.git import Repository
config = Settings().over("test", json.loads(sys.argv[2]))
with workspace.lease(Repository.discover(Path(sys.argv[1])), config, sys.argv[3], "EXEC-2026-01-02-003") as slot:
    slot.settle()
    print(json.dumps(slot.variables), flush=True)
    sys.stdin.read()
"""


class Lab:
    def __init__(self, folder: Path, **offers: object) -> None:
        self.box = Sandbox(folder / "repo")
        self.repo = self.box.repo
        self.base = self.box.start({b"a": (FILE, b"one\n")})
        self.values = {"worktree.root": str(folder / "slots"), **flatten({"worktree": {"resources": offers}})}

    @property
    def config(self) -> Settings:
        return Settings().over("test", self.values)

    def offer(self, **offers: object) -> None:
        self.values = {"worktree.root": self.values["worktree.root"], **flatten({"worktree": {"resources": offers}})}

    def take(self, stack: ExitStack) -> Slot:
        slot = stack.enter_context(workspace.lease(self.repo, self.config, self.base, "EXEC-2026-01-02-001"))
        slot.settle()
        return slot

    def start(self) -> subprocess.Popen[str]:
        words = [sys.executable, "-c", LEASE, str(self.box.folder), json.dumps(self.values), self.base]
        return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    made.offer()
    workspace.remove_slots(made.repo, made.config)
    assert not list((tmp_path / "slots").rglob("*"))


def ports(slots: list[Slot]) -> list[str]:
    return [slot.variables["PHASELINE_PORT"] for slot in slots]


def test_each_lease_gets_one_of_each(lab: Lab) -> None:
    lab.offer(port={"count": 4, "from": 42000}, test_db=["db1", "db two/é"])
    with ExitStack() as stack:
        one, two = lab.take(stack), lab.take(stack)
        assert one.variables == {"PHASELINE_PORT": "42000", "PHASELINE_TEST_DB": "db1"}
        assert two.variables == {"PHASELINE_PORT": "42001", "PHASELINE_TEST_DB": "db two/é"}
        assert resource.variables(two.path) == two.variables
    with ExitStack() as stack:
        assert lab.take(stack).variables["PHASELINE_PORT"] == "42000"


def test_without_resources_there_are_no_variables(lab: Lab, tmp_path: Path) -> None:
    lab.offer(port={"count": 1, "from": 42000})
    with ExitStack() as stack:
        lab.take(stack)
    lab.offer()
    with ExitStack() as stack:
        slot = lab.take(stack)
        assert (slot.variables, resource.variables(slot.path), resource.variables(tmp_path)) == ({}, {}, {})


def test_the_service_for_checks_has_them_too(lab: Lab) -> None:
    lab.offer(port={"count": 1, "from": 42000})
    with workspace.checkout(lab.repo, lab.config, lab.base) as tree:
        assert resource.variables(tree) == {"PHASELINE_PORT": "42000"}


def test_nothing_free_names_who_holds_what(lab: Lab) -> None:
    lab.offer(db=["db1", "db2"])
    with ExitStack() as stack:
        lab.take(stack), lab.take(stack)
        with pytest.raises(Held) as fault:
            lab.take(stack)
        assert (fault.value.exit_code, fault.value.code) == (5, "E444")
        who = f"process {os.getpid()}, EXEC-2026-01-02-001, slot-"
        assert f"db1 by {who}1; db2 by {who}2" in fault.value.message
    with ExitStack() as stack:
        assert lab.take(stack).folder.name == "slot-1"


def test_what_was_taken_before_the_fault_is_free_again(lab: Lab) -> None:
    lab.offer(a=["1", "2"], b=["1"])
    with ExitStack() as stack:
        lab.take(stack)
        for _ in range(2):
            with pytest.raises(Held):
                lab.take(stack)


def test_overlapping_ranges_do_not_give_a_number_twice(lab: Lab, tmp_path: Path) -> None:
    lab.offer(one={"count": 2, "from": 42000}, two={"count": 2, "from": 42001})
    with ExitStack() as stack:
        assert lab.take(stack).variables == {"PHASELINE_ONE": "42000", "PHASELINE_TWO": "42001"}


def test_a_number_is_leased_across_repositories_and_a_name_is_not(lab: Lab, tmp_path: Path) -> None:
    offers = {"port": {"count": 2, "from": 42000}, "db": ["db1", "db2"]}
    other = Lab(tmp_path / "other", **offers)
    other.values["worktree.root"] = lab.values["worktree.root"]
    lab.offer(**offers)
    with ExitStack() as stack:
        found = [lab.take(stack).variables, other.take(stack).variables]
    assert [one["PHASELINE_PORT"] for one in found] == ["42000", "42001"]
    assert [one["PHASELINE_DB"] for one in found] == ["db1", "db1"]
    workspace.remove_slots(other.repo, other.config)


def test_a_killed_process_holds_nothing(lab: Lab) -> None:
    lab.offer(port={"count": 1, "from": 42000})
    with lab.start() as holder:
        assert holder.stdout is not None
        assert json.loads(holder.stdout.readline()) == {"PHASELINE_PORT": "42000"}
        with pytest.raises(Held) as fault, ExitStack() as stack:
            lab.take(stack)
        assert f"process {holder.pid}, EXEC-2026-01-02-003, slot-1" in fault.value.message
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        with ExitStack() as stack:
            assert ports([lab.take(stack)]) == ["42000"]


def test_processes_at_once_never_share(lab: Lab) -> None:
    lab.offer(port={"count": 4, "from": 42000})
    holders = [lab.start() for _ in range(4)]
    try:
        found = [json.loads(holder.stdout.readline())["PHASELINE_PORT"] for holder in holders if holder.stdout]
        assert sorted(found) == ["42000", "42001", "42002", "42003"]
    finally:
        for holder in holders:
            holder.communicate("")


def test_as_many_resources_as_leases_are_enough_however_fast_they_change(lab: Lab) -> None:
    lab.offer(port={"count": 3, "from": 42000})
    held: set[str] = set()
    guard = threading.Lock()

    def use(_: int) -> None:
        with workspace.lease(lab.repo, lab.config, lab.base) as slot:
            slot.settle()
            port = slot.variables["PHASELINE_PORT"]
            with guard:
                assert port not in held
                held.add(port)
            subprocess.run(["true"], check=True)
            with guard:
                held.remove(port)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(use, range(30)))


@pytest.mark.parametrize(
    "offers",
    [
        {"port": 3},
        {"port": {}},
        {"port": {"count": 4}},
        {"port": {"count": 0, "from": 1}},
        {"port": {"count": True, "from": 1}},
        {"port": {"count": 10**9, "from": 1}},
        {"port": {"count": 1, "from": -1}},
        {"port": {"count": 1, "from": 1, "to": 2}},
        {"db": []},
        {"db": ["a", "a"]},
        {"db": [""]},
        {"db": ["a\0"]},
        {"db": [1]},
        {"db": "db1"},
        {"DB": ["a"], "db": ["b"]},
        {"a-b": ["a"], "a_b": ["b"]},
        {"1a": ["a"]},
        {"a b": ["a"]},
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(lab: Lab, offers: dict[str, Any]) -> None:
    lab.offer(**offers)
    with pytest.raises(InvalidInput) as fault, ExitStack() as stack:
        lab.take(stack)
    assert (fault.value.exit_code, fault.value.code) == (3, "E363")
    assert "worktree.resources." in fault.value.message


def test_a_place_for_locks_that_cannot_be_written(lab: Lab, tmp_path: Path) -> None:
    lab.offer(port={"count": 1, "from": 42000})
    (tmp_path / "slots").mkdir()
    (tmp_path / "slots/numbers").touch()
    with pytest.raises(EnvironmentFault) as fault, ExitStack() as stack:
        lab.take(stack)
    assert (fault.value.exit_code, fault.value.code) == (4, "E440")
    (tmp_path / "slots/numbers").unlink()
