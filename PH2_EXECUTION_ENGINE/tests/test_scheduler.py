"""The scheduler as a state machine: the best node that may start does, holds in every order of endings, and is told why."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest
from global_util import graph
from hypothesis import given, settings
from hypothesis import strategies as st
from ph2_execution_engine.ready import SHOWN
from ph2_execution_engine.schedule import Decision, Scheduler, Skipped, Slots

Needs = dict[str, list[str]]
KINDS = ("ai", "big", "net")


@dataclass(frozen=True)
class Story:
    """What a scheduler is given, and a seed for what ends when."""

    ranked: tuple[str, ...]
    needs: Needs
    jobs: int
    limits: Mapping[str, int]
    kinds: Mapping[str, Sequence[str]]
    seed: int

    def scheduler(self) -> Scheduler:
        return Scheduler(self.ranked, self.needs, self.jobs, Slots(self.limits, self.kinds))

    def slots(self, node: str) -> tuple[str, ...]:
        return tuple(sorted(set(self.kinds[node]) & set(self.limits)))


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Graphs of one to sixteen nodes, any ranks, some slots. Sizes shrink; what is connected to what comes from a seed."""
    names = [f"n{number:02}" for number in range(draw(st.integers(1, 16)))]
    limits = {kind: limit for kind in KINDS if (limit := draw(st.integers(0, 2)))}
    jobs, width, seed = draw(st.integers(1, 5)), draw(st.integers(0, 3)), draw(st.integers(0, 2**16))
    chance = random.Random(seed)
    return Story(
        ranked=tuple(chance.sample(names, len(names))),
        needs={
            name: chance.choices(names[:place], k=chance.randint(0, width)) if place else []
            for place, name in enumerate(names)
        },
        jobs=jobs,
        limits=limits,
        kinds={name: chance.choices(KINDS, k=chance.randint(0, 2)) for name in names},
        seed=seed,
    )


def play(story: Story) -> Iterator[tuple[str, Decision | str | None]]:
    """Everything that happens: ``start`` with its answer, ``ended`` with a running node that the seed chooses."""
    scheduler, chance = story.scheduler(), random.Random(story.seed)
    while scheduler.unstarted or scheduler.running:
        decision = scheduler.start()
        yield "start", decision
        if decision is None or chance.random() < 0.3:
            node = chance.choice(sorted(scheduler.running))
            scheduler.ended(node)
            yield "ended", node


class Model:
    """The rules once more, slowly: all nodes are looked at in every step."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.started: list[str] = []
        self.ended: list[str] = []
        self.due: set[tuple[str, ...]] = set()

    @property
    def running(self) -> list[str]:
        return [node for node in self.started if node not in self.ended]

    @property
    def ready(self) -> list[str]:
        return [
            node
            for node in self.story.ranked
            if node not in self.started and set(self.story.needs[node]) <= set(self.ended)
        ]

    def spare(self, slot: str) -> int:
        return self.story.limits[slot] - sum(slot in self.story.slots(node) for node in self.running)

    def kept(self, slot: str, node: str) -> int:
        """Places of a slot that are kept for nodes that rank above this one."""
        above = self.ready[: self.ready.index(node)]
        return sum(
            slots in self.due and slot in slots and any(self.spare(one) <= self.kept(one, first) for one in slots)
            for slots, first in {self.story.slots(other): other for other in reversed(above)}.items()
        )

    def startable(self) -> list[str]:
        if len(self.running) >= self.story.jobs:
            return []
        return [
            node
            for node in self.ready
            if all(self.spare(slot) > self.kept(slot, node) for slot in self.story.slots(node))
        ]

    def start(self, node: str) -> None:
        self.due.discard(self.story.slots(node))
        self.started.append(node)

    def end(self, node: str) -> None:
        full = {slot for slot in self.story.slots(node) if self.spare(slot) == 0}
        waiting = self.ready
        self.ended.append(node)
        for slots in {self.story.slots(other) for other in waiting if other in self.ready}:
            opened = full & set(slots)
            taken = [self.story.slots(other) for other in self.running]
            if opened and any(
                self.spare(slot) == 0 and slot in holder and opened - set(holder) for slot in slots for holder in taken
            ):
                self.due.add(slots)


@settings(deadline=None, max_examples=300)
@given(stories())
def test_every_node_runs_once_after_its_needs_and_within_all_limits(story: Story) -> None:
    running: list[str] = []
    ended: list[str] = []
    for what, about in play(story):
        if isinstance(about, Decision):
            assert set(story.needs[about.node]) <= set(ended)
            running.append(about.node)
            assert len(running) <= story.jobs
            for slot, limit in story.limits.items():
                assert sum(slot in story.kinds[node] for node in running) <= limit
        elif what == "ended":
            assert about is not None
            running.remove(about)
            ended.append(about)
    assert sorted(ended) == sorted(story.ranked)


@settings(deadline=None, max_examples=300)
@given(stories())
def test_whenever_a_node_may_start_the_highest_ranked_of_them_does(story: Story) -> None:
    model = Model(story)
    for what, about in play(story):
        if what == "ended":
            model.end(str(about))
            continue
        assert (about.node if isinstance(about, Decision) else None) == next(iter(model.startable()), None)
        if isinstance(about, Decision):
            model.start(about.node)


@settings(deadline=None, max_examples=300)
@given(stories())
def test_a_node_with_free_slots_waits_only_for_higher_ranked_ones_that_share_them(story: Story) -> None:
    model = Model(story)
    for what, about in play(story):
        if what == "ended":
            model.end(str(about))
        elif isinstance(about, Decision):
            model.start(about.node)
        elif len(model.running) < story.jobs:
            for place, node in enumerate(model.ready):
                above = {slot for other in model.ready[:place] for slot in story.slots(other)}
                assert any(slot in above or not model.spare(slot) for slot in story.slots(node))


@settings(deadline=None)
@given(stories())
def test_equal_endings_give_equal_decisions(story: Story) -> None:
    assert list(play(story)) == list(play(story))


@settings(deadline=None)
@given(stories())
def test_a_decision_says_what_it_was_made_from(story: Story) -> None:
    model = Model(story)
    for what, about in play(story):
        if what == "ended":
            model.end(str(about))
        elif isinstance(about, Decision):
            above = model.ready[: model.ready.index(about.node)]
            firsts = {story.slots(node): node for node in reversed(above)}
            assert {one.node for one in about.skipped} == set(firsts.values())
            for one in about.skipped:
                slots = story.slots(one.node)
                assert set(one.slots) <= set(slots)
                assert one.waiting == sum(story.slots(node) == slots for node in model.ready)
            assert about.candidates[0] == about.node
            assert about.among == len(about.candidates) <= len(model.ready)
            model.start(about.node)


@settings(deadline=None)
@given(stories())
def test_one_job_without_slots_follows_the_launch_order_of_the_plan(story: Story) -> None:
    rank = graph.ranks(story.needs, {node: len(story.kinds[node]) for node in story.needs})
    alone = Story(tuple(sorted(rank, key=rank.__getitem__)), story.needs, 1, {}, story.kinds, story.seed)
    started = [about.node for _, about in play(alone) if isinstance(about, Decision)]
    assert started == graph.order(story.needs, rank.__getitem__)


def starting(scheduler: Scheduler) -> list[str]:
    """The nodes that start now."""
    return [decision.node for decision in iter(scheduler.start, None)]


def free(*nodes: str) -> Needs:
    """Nodes that need nothing, the most important first."""
    return {node: [] for node in nodes}


def test_a_node_that_waits_for_a_slot_lets_others_pass_and_is_named() -> None:
    needs = free("ai-1", "ai-2", "ai-3", "plain")
    kinds = {"ai-1": ["ai"], "ai-2": ["ai"], "ai-3": ["ai"]}
    scheduler = Scheduler(list(needs), needs, 4, Slots({"ai": 1}, kinds))
    assert scheduler.start() == Decision("ai-1", ("ai-1", "ai-2", "ai-3", "plain"), 4, ())
    assert scheduler.start() == Decision("plain", ("plain",), 1, (Skipped("ai-2", ("ai",), 2),))
    assert starting(scheduler) == []
    scheduler.ended("ai-1")
    assert starting(scheduler) == ["ai-2"]


def test_the_slot_goes_to_the_highest_ranked_waiter_whatever_its_tool() -> None:
    needs = {"first": [], "low": [], "long": [], "high": ["long"]}
    kinds = {"first": ["aider", "ai"], "low": ["aider", "ai"], "high": ["claude", "ai"]}
    scheduler = Scheduler(["first", "high", "long", "low"], needs, 4, Slots({"ai": 1}, kinds))
    assert starting(scheduler) == ["first", "long"]
    scheduler.ended("long")
    assert starting(scheduler) == []
    scheduler.ended("first")
    assert starting(scheduler) == ["high"]


def test_who_needs_two_slots_is_not_starved_by_those_who_need_one() -> None:
    ones = [f"{kind}-{number}" for number in range(9) for kind in ("x", "y")]
    needs = free(*ones) | {"both": ["x-0"]}
    kinds = {node: [node[0]] for node in ones} | {"both": ["x", "y"]}
    ranked = ["x-0", "y-0", "both", *ones[2:]]
    scheduler = Scheduler(ranked, needs, 4, Slots({"x": 1, "y": 1}, kinds))
    assert starting(scheduler) == ["x-0", "y-0"]
    scheduler.ended("x-0")
    assert starting(scheduler) == ["x-1"]
    scheduler.ended("y-0")
    assert starting(scheduler) == []
    scheduler.ended("x-1")
    assert starting(scheduler) == ["both"]
    scheduler.ended("both")
    assert starting(scheduler) == ["y-1", "x-2"]


def test_a_waiter_of_a_narrow_slot_does_not_idle_a_wide_one() -> None:
    needs = free("aider-1", "aider-2", "claude-1", "claude-2")
    kinds = {node: [node.partition("-")[0], "ai"] for node in needs}
    scheduler = Scheduler(list(needs), needs, 4, Slots({"aider": 1, "ai": 2}, kinds))
    assert starting(scheduler) == ["aider-1", "claude-1"]
    scheduler.ended("claude-1")
    assert starting(scheduler) == ["claude-2"]
    scheduler.ended("aider-1")
    assert starting(scheduler) == ["aider-2"]


def test_a_kind_that_is_named_twice_takes_one_place() -> None:
    needs = free("a", "b")
    scheduler = Scheduler(list(needs), needs, 2, Slots({"aider": 2}, dict.fromkeys(needs, ("aider", "aider"))))
    assert starting(scheduler) == ["a", "b"]


def test_a_decision_lists_a_few_candidates_and_counts_all() -> None:
    needs = free(*(f"n{number:03}" for number in range(100)))
    scheduler = Scheduler(sorted(needs), needs, 100, Slots({}, {}))
    for number, decision in enumerate(iter(scheduler.start, None)):
        assert decision.among == 100 - number
        assert decision.candidates == tuple(sorted(needs)[number : number + SHOWN])


def test_only_what_runs_can_end() -> None:
    scheduler = Scheduler(["a"], free("a"), 1, Slots({}, {}))
    with pytest.raises(KeyError):
        scheduler.ended("a")


@settings(deadline=None, max_examples=200)
@given(stories(), st.integers(0, 5))
def test_what_is_put_off_frees_its_place_and_holds_back_only_what_needs_it(story: Story, every: int) -> None:
    scheduler, ended, off = story.scheduler(), set[str](), set[str]()
    while (decision := scheduler.start()) is not None or scheduler.running:
        if decision is not None and len(scheduler.running) < story.jobs:
            continue
        node = min(scheduler.running)
        if every and story.ranked.index(node) % every == 0:
            scheduler.put_off(node)
            off.add(node)
        else:
            scheduler.ended(node)
            ended.add(node)
    held = {node for node in story.ranked if node not in ended | off}
    assert scheduler.unstarted == len(held)
    assert all(set(story.needs[node]) & (off | held) for node in held)
    assert all(set(story.needs[node]) <= ended for node in ended | off)
