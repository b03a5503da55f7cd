"""An item belongs to one holder at a time, and nobody writes whose claim is lost: alone, in a crowd, and after a pause."""

from __future__ import annotations

import inspect
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from global_core_state.chain import GENESIS, Event, digest
from global_core_state.claims import Claims
from global_core_state.rebuild import compare
from global_core_state.store import Error, Store
from global_util import clock
from global_util.clock import Moment
from global_util.errors import Held, PipelineError
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

PROCESSES = int(os.environ.get("CLAIM_PROCESSES", "4"))
ITEMS = int(os.environ.get("CLAIM_ITEMS", "60"))
PAUSES = int(os.environ.get("CLAIM_PAUSES", "12"))
LEASE_S = 0.2

EXEC = "EXEC-2026-01-02-001"
OTHER = "EXEC-2026-01-02-002"


def assert_whole(store: Store) -> None:
    """Every event follows from the one before, and the tables follow from the events."""
    for execution in store.executions():
        previous = GENESIS
        for number, row in enumerate(store.events(execution), start=1):
            event = Event(**row)
            assert (event.seq, event.previous, event.hash) == (number, previous, digest(event))
            previous = event.hash
    assert compare(store) == []


def told(store: Store, kind: str, execution: str = EXEC) -> list[dict[str, Any]]:
    return [json.loads(row["payload"]) for row in store.events(execution) if row["type"] == kind]


def opened(path: Path) -> Store:
    store = Store(path)
    for execution in (EXEC, OTHER):
        store.create_run(execution, "2026-01-02T00:00:00Z", "plan")
    return store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(opened(tmp_path / "state.db")) as fresh:
        yield fresh


# -- the rules, against a model ---------------------------------------------------------------------------------------

NAMES = st.sampled_from(["ws-a", "ws-b"])
HOLDERS = st.sampled_from(["alice", "bob"])
SECONDS = st.integers(min_value=1, max_value=20)
RUNS = st.sampled_from([EXEC, OTHER])
TOKENS = st.integers(min_value=0, max_value=4)
"""How far behind the newest token; 0 is the newest, and one more than was ever given comes up too."""


class ClaimMachine(RuleBasedStateMachine):
    """Asks for anything at all at any time, and keeps in mind who holds what until when."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="phaseline-claims-")
        self.now, self.boot = 100.0, 1
        path = Path(self.folder.name) / "state.db"
        opened(path).close()
        self.store = Store(path, lambda: Moment(self.now, f"boot {self.boot}"))
        self.claims = Claims(self.store)
        self.tokens: dict[tuple[str, str], int] = {}
        self.holders: dict[tuple[str, str], str] = {}
        self.until: dict[tuple[str, str], float] = {}
        self.events = 2

    def teardown(self) -> None:
        assert_whole(self.store)
        self.store.close()
        self.folder.cleanup()

    def current(self, key: tuple[str, str], token: int) -> bool:
        return key in self.holders and self.tokens[key] == token

    def runs_on(self, key: tuple[str, str]) -> bool:
        return key in self.holders and self.until.get(key, 0.0) > self.now

    def token(self, key: tuple[str, str], behind: int) -> int:
        return max(1, self.tokens.get(key, 0) + 1 - behind)

    @rule(run=RUNS, name=NAMES, holder=HOLDERS, seconds=SECONDS)
    def claim(self, run: str, name: str, holder: str, seconds: int) -> None:
        key = (run, name)
        token = self.claims.claim(run, name, holder, seconds)
        assert (token is None) == self.runs_on(key)
        if token is not None:
            assert token == self.tokens.get(key, 0) + 1
            self.tokens[key], self.holders[key], self.until[key] = token, holder, self.now + seconds
            self.events += 1

    @rule(run=RUNS, name=NAMES, behind=TOKENS, seconds=SECONDS)
    def renew(self, run: str, name: str, behind: int, seconds: int) -> None:
        key = (run, name)
        token = self.token(key, behind)
        assert self.claims.renew(run, name, token, seconds) == self.current(key, token)
        if self.current(key, token):
            self.until[key] = self.now + seconds

    @rule(run=RUNS, name=NAMES, behind=TOKENS)
    def release(self, run: str, name: str, behind: int) -> None:
        key = (run, name)
        token = self.token(key, behind)
        assert self.claims.release(run, name, token) == self.current(key, token)
        if self.current(key, token):
            del self.holders[key]
            self.events += 1

    @rule(run=RUNS, name=NAMES, behind=TOKENS)
    def write(self, run: str, name: str, behind: int) -> None:
        key = (run, name)
        token = self.token(key, behind)
        fenced = self.store.fenced(run, name, token)
        if self.current(key, token) and self.runs_on(key):
            fenced.record_event(run, None, "worked", {})
            self.events += 1
        else:
            with pytest.raises(Held) as fault:
                fenced.record_event(run, None, "worked", {})
            assert (fault.value.exit_code, fault.value.code) == (5, "E507")

    @rule(seconds=st.integers(min_value=1, max_value=12))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def reboot(self) -> None:
        self.boot += 1
        self.now = 1.0
        self.until.clear()

    @rule()
    def lose_the_leases(self) -> None:
        with self.store.transaction() as db:
            db.execute("delete from leases")
        self.until.clear()

    @rule()
    def prove(self) -> None:
        assert_whole(self.store)

    @invariant()
    def agrees(self) -> None:
        for run in (EXEC, OTHER):
            found = {(run, claim.item): (claim.holder, claim.token, claim.left) for claim in self.claims.all(run)}
            left = {key: max(0.0, self.until.get(key, 0.0) - self.now) for key in self.holders}
            mine = {key: (self.holders[key], self.tokens[key], left[key]) for key in self.holders if key[0] == run}
            assert found == mine
        assert sum(len(self.store.events(run)) for run in (EXEC, OTHER)) == self.events


TestClaims = ClaimMachine.TestCase
TestClaims.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)


# -- fencing ----------------------------------------------------------------------------------------------------------

WRITES: dict[str, Callable[[Store], object]] = {
    "move_run": lambda store: store.move_run(EXEC, "running"),
    "move_run, refused": lambda store: store.move_run(EXEC, "completed"),
    "begin_phase": lambda store: store.begin_phase(EXEC, "ph3", "in", "decided"),
    "end_phase": lambda store: store.end_phase(EXEC, "ph2", "out"),
    "create_workstream": lambda store: store.create_workstream(EXEC, "ws-b", ()),
    "move_workstream": lambda store: store.move_workstream(EXEC, "ws-a", "ready"),
    "begin_step": lambda store: store.begin_step(EXEC, "ws-a", "edit:2"),
    "end_step": lambda store: store.end_step(5, EXEC, "ws-a", {}),
    "end_step, with errors": lambda store: store.end_step(5, EXEC, "ws-a", {}, errors=[Error("edit", "E1", "sig")]),
    "intend": lambda store: store.intend(EXEC, "new", "call", {}),
    "intend again": lambda store: store.intend(EXEC, "announced", "call", {}),
    "confirm": lambda store: store.confirm(EXEC, "announced", {}),
    "record_event": lambda store: store.record_event(EXEC, None, "x", {}),
    "claim": lambda store: Claims(store).claim(EXEC, "else", "bob", 9),
}


@pytest.mark.parametrize("verb", WRITES)
def test_every_write_of_a_holder_who_was_taken_over_is_refused(store: Store, verb: str) -> None:
    store.create_workstream(EXEC, "ws-a", ())
    store.begin_phase(EXEC, "ph2", "in", "decided")
    store.intend(EXEC, "announced", "call", {})
    store.intend(EXEC, "done", "call", {})
    store.confirm(EXEC, "done", {"answer": 1})
    claims = Claims(store)
    token = claims.claim(EXEC, "ws-a", "alice", 1e-9)
    assert token == 1
    assert claims.claim(EXEC, "ws-a", "bob", 60) == 2
    before = list(store._connection.iterdump())
    with pytest.raises(Held, match=r"ws-a: was taken over by bob at \d{4}-\d\d-\d\dT") as fault:
        WRITES[verb](store.fenced(EXEC, "ws-a", token))
    assert (fault.value.exit_code, fault.value.code) == (5, "E507")
    assert list(store._connection.iterdump()) == before
    WRITES[verb](store.fenced(EXEC, "ws-a", 2))
    assert store.fenced(EXEC, "ws-a", token).intend(EXEC, "done", "call", {}).answer == {"answer": 1}


def test_the_store_writes_in_one_place_only() -> None:
    source = inspect.getsource(Store)
    writing = r'"\s*(?:insert|update|delete|replace)\b'
    assert len(re.findall(writing, source)) == len(re.findall(writing, inspect.getsource(Store.append))) == 1


def test_a_fence_is_for_its_own_run_and_several_hold_together(store: Store) -> None:
    claims = Claims(store)
    first = claims.claim(EXEC, "run", "alice", 60)
    second = claims.claim(EXEC, "ws-a", "alice", 60)
    assert first == second == 1
    both = store.fenced(EXEC, "run", first).fenced(EXEC, "ws-a", second)
    both.record_event(EXEC, None, "x", {})
    assert claims.release(EXEC, "run", first)
    with pytest.raises(Held, match=r"run: the claim with token 1 was released at"):
        both.record_event(EXEC, None, "x", {})
    both.record_event(OTHER, None, "x", {})
    store.record_event(EXEC, None, "x", {})
    assert (len(told(store, "x")), len(told(store, "x", OTHER))) == (2, 1)
    with pytest.raises(Held, match="token 7 was never given"):
        store.fenced(EXEC, "ws-a", 7).record_event(EXEC, None, "x", {})
    with pytest.raises(Held, match="token 1 was never given"):
        store.fenced(EXEC, "ws-b", 1).record_event(EXEC, None, "x", {})


def test_a_lease_that_ran_out_stops_its_holder_until_it_renews(store: Store) -> None:
    claims = Claims(store)
    token = claims.claim(EXEC, "ws-a", "alice", 1e-9)
    assert token is not None
    fenced = store.fenced(EXEC, "ws-a", token)
    with pytest.raises(Held, match="ran out, and nobody took it over"):
        fenced.record_event(EXEC, None, "x", {})
    assert claims.renew(EXEC, "ws-a", token, 60)
    fenced.record_event(EXEC, None, "x", {})
    assert len(told(store, "x")) == 1
    assert claims.claim(EXEC, "ws-a", "alice", 60) is None
    assert claims.held(EXEC, "ws-a").message.startswith(f"{EXEC} ws-a: held by alice for ")


def test_events_of_claims_are_told_by_claims_only(store: Store) -> None:
    for kind in ("claimed", "released"):
        with pytest.raises(PipelineError, match="changes the state"):
            store.record_event(EXEC, None, kind, {"item": "ws-a", "holder": "x", "token": 9})
    with pytest.raises(sqlite3.IntegrityError):
        Claims(store).claim("EXEC-2026-01-02-099", "ws-a", "alice", 60)
    assert store.executions() == [EXEC, OTHER]


# -- clocks -----------------------------------------------------------------------------------------------------------


def test_a_wall_clock_that_jumps_changes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    claims = Claims(store)
    token = claims.claim(EXEC, "ws-a", "alice", 60)
    assert token is not None
    real = time.time
    for years in (-20, 20):
        monkeypatch.setattr(time, "time", lambda years=years: real() + years * 31_556_952)
        store.fenced(EXEC, "ws-a", token).record_event(EXEC, None, "x", {})
        assert claims.claim(EXEC, "ws-a", "bob", 60) is None
        claim = claims.holder_of(EXEC, "ws-a")
        assert claim is not None
        assert 0 < claim.left <= 60
        assert claims.renew(EXEC, "ws-a", token, 60)
    told_in = [int(row["at"][:4]) for row in store.events(EXEC) if row["type"] == "x"]
    assert told_in == sorted(told_in)
    assert told_in[1] - told_in[0] == 40
    assert_whole(store)


def test_processes_of_one_boot_share_the_clock_of_leases() -> None:
    ask = "from global_util import clock; print(*clock.moment())"
    before = clock.moment()
    seconds, _, boot = subprocess.check_output([sys.executable, "-c", ask], text=True).rstrip("\n").partition(" ")
    assert before.seconds <= float(seconds) <= clock.moment().seconds
    assert boot == before.boot


# -- processes --------------------------------------------------------------------------------------------------------

CLAIM_ALL = """
import json, random, sys
from pathlib import Path
from global_core_state.claims import Claims
from global_core_state.store import Error, Store

path, run, me, count = sys.argv[1:]
items = [f"item-{number:03}" for number in range(int(count))]
random.shuffle(items)
claims = Claims(Store(Path(path)))
print("ready", flush=True)
sys.stdin.readline()
won = {item: claims.claim(run, item, me, 3600) for item in items}
print(json.dumps({item: token for item, token in won.items() if token is not None}))
"""

WORK = """
import json, random, select, sys, time
from pathlib import Path
from global_core_state.claims import Claims
from global_core_state.store import Error, Store
from global_util.errors import Held

path, run, me, count, lease = sys.argv[1:]
items, lease = [f"item-{number:03}" for number in range(int(count))], float(lease)
store = Store(Path(path))
claims = Claims(store)
done = {"claimed": 0, "accepted": 0, "refused": 0}

def work(item, token):
    fenced = store.fenced(run, item, token)
    try:
        for _ in range(10):
            fenced.record_event(run, None, "worked", {"item": item, "token": token})
            done["accepted"] += 1
            time.sleep(lease / 20)
            claims.renew(run, item, token, lease)
    except Held as fault:
        assert fault.code == "E507", fault.message
        done["refused"] += 1
        return
    claims.release(run, item, token)

print("ready", flush=True)
sys.stdin.readline()
while not select.select([sys.stdin], [], [], 0)[0]:
    item = random.choice(items)
    token = claims.claim(run, item, me, lease)
    if token is None:
        time.sleep(0.002)
    else:
        done["claimed"] += 1
        work(item, token)
print(json.dumps(done))
"""


def started(*words: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(words, text=True, stdin=pipe, stdout=pipe, stderr=pipe)


class Crowd:
    """Processes with the same program, each under a name of its own."""

    def __init__(self, program: str, store: Store) -> None:
        self.words = [sys.executable, "-c", program, str(store.path), EXEC]
        self.members: list[subprocess.Popen[str]] = []

    def say(self) -> None:
        for member in self.members:
            assert member.stdin is not None
            member.stdin.write("\n")
            member.stdin.flush()

    def answers(self) -> list[dict[str, int]]:
        told = [member.communicate() for member in self.members]
        assert [(member.returncode, err) for member, (_, err) in zip(self.members, told, strict=True)] == [
            (0, "") for _ in self.members
        ]
        return [json.loads(out) for out, _ in told]


@contextmanager
def crowd(size: int, program: str, store: Store, *words: str) -> Iterator[Crowd]:
    """All are ready when this begins, and none is left when it ends."""
    made = Crowd(program, store)
    with ExitStack() as stack:
        for number in range(size):
            member = stack.enter_context(started(*made.words, f"p{number}", *words))
            stack.callback(member.kill)
            made.members.append(member)
        for member in made.members:
            assert member.stdout is not None
            assert member.stdout.readline() == "ready\n"
        yield made


def test_processes_that_claim_at_once_get_each_item_exactly_once(store: Store) -> None:
    with crowd(PROCESSES, CLAIM_ALL, store, str(ITEMS)) as claimers:
        claimers.say()
        shares = claimers.answers()
    won = sorted(item for share in shares for item in share)
    assert won == [f"item-{number:03}" for number in range(ITEMS)]
    assert {token for share in shares for token in share.values()} == {1}
    holders = {claim.item: claim.holder for claim in Claims(store).all(EXEC)}
    assert holders == {item: f"p{number}" for number, share in enumerate(shares) for item in share}
    assert len(told(store, "claimed")) == ITEMS
    assert_whole(store)


def stale_writes(store: Store) -> list[dict[str, Any]]:
    """What was written under a token that was not the item's newest, or was given up, at that point of the chain."""
    current: dict[str, int] = {}
    found = []
    for row in store.events(EXEC):
        about = json.loads(row["payload"])
        if row["type"] == "claimed":
            assert about["token"] > current.get(about["item"], 0)
            current[about["item"]] = about["token"]
        elif row["type"] == "worked" and current[about["item"]] != about["token"]:
            found.append(about)
    return found


def test_not_one_stale_write_of_paused_processes_gets_through(store: Store) -> None:
    with crowd(PROCESSES, WORK, store, str(PROCESSES - 1), str(LEASE_S)) as workers:
        workers.say()
        for _ in range(PAUSES):
            member = random.choice(workers.members)
            member.send_signal(signal.SIGSTOP)
            time.sleep(LEASE_S * 1.5)
            member.send_signal(signal.SIGCONT)
            time.sleep(LEASE_S * random.random() / 2)
        workers.say()
        answers = workers.answers()
    done = {key: sum(answer[key] for answer in answers) for key in ("claimed", "accepted", "refused")}
    assert stale_writes(store) == []
    assert len(told(store, "worked")) == done["accepted"] > 0
    assert len(told(store, "claimed")) == done["claimed"] > 0
    assert done["refused"] > 0
    assert_whole(store)


SLEEP = """
import os, signal, sys
from pathlib import Path
from global_core_state.claims import Claims
from global_core_state.store import Error, Store
from global_util.errors import Held

path, run, me = sys.argv[1:]
store = Store(Path(path))
token = Claims(store).claim(run, "ws-a", me, 0.3)
fenced = store.fenced(run, "ws-a", token)
fenced.record_event(run, None, "worked", {"item": "ws-a", "token": token})
print("ready", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
try:
    fenced.record_event(run, None, "worked", {"item": "ws-a", "token": token})
except Held as fault:
    print(fault.code, fault.message, Claims(store).renew(run, "ws-a", token, 9), flush=True)
"""


def test_a_process_that_sleeps_through_a_takeover_is_refused_when_it_wakes_up(store: Store) -> None:
    with crowd(1, SLEEP, store) as sleepers:
        [sleeper] = sleepers.members
        while (token := Claims(store).claim(EXEC, "ws-a", "the next", 60)) is None:
            time.sleep(0.05)
        before = store.events(EXEC)
        while sleeper.poll() is None:
            sleeper.send_signal(signal.SIGCONT)
            time.sleep(0.01)
        out, _ = sleeper.communicate()
    assert token == 2
    assert re.fullmatch(rf"E507 {EXEC} ws-a: was taken over by the next at \S+ False\n", out)
    assert store.events(EXEC) == before
    assert_whole(store)
