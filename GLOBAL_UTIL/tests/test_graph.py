"""Orders, waves, chains and cycles of random graphs."""

from __future__ import annotations

from itertools import pairwise

from global_util import graph
from hypothesis import given, settings
from hypothesis import strategies as st

Needs = dict[str, list[str]]
NAMES = "hdafcgbe"


@st.composite
def acyclic(draw: st.DrawFn) -> Needs:
    names = draw(st.permutations(NAMES))[: draw(st.integers(0, len(NAMES)))]
    return {
        name: draw(st.lists(st.sampled_from(names[:place]), max_size=4)) if place else []
        for place, name in enumerate(names)
    }


ANY = st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=3), max_size=8).map(
    lambda needs: {node: [name for name in before if name in needs] for node, before in needs.items()}
)


def chains(needs: Needs, node: str) -> int:
    return 1 + max((chains(needs, name) for name in graph.followers(needs)[node]), default=0)


@settings(deadline=None)
@given(acyclic())
def test_an_order_holds_every_node_after_what_it_needs(needs: Needs) -> None:
    sequence = graph.order(needs, lambda name: name)
    assert sorted(sequence) == sorted(needs)
    place = {node: number for number, node in enumerate(sequence)}
    assert all(place[name] < place[node] for node, before in needs.items() for name in before)
    for number, node in enumerate(sequence):
        free = [one for one in sequence[number:] if set(needs[one]) <= set(sequence[:number])]
        assert node == min(free)


@settings(deadline=None)
@given(acyclic())
def test_waves_chains_and_ancestors_agree_with_the_order(needs: Needs) -> None:
    sequence = graph.order(needs, lambda name: name)
    waves = graph.waves(needs, sequence)
    level = {node: number for number, wave in enumerate(waves) for node in wave}
    assert sorted(level) == sorted(needs)
    assert all(level[node] == 1 + max((level[name] for name in needs[node]), default=-1) for node in needs)
    length = graph.longest_to_end(needs)
    assert length == {node: chains(needs, node) for node in needs}
    path = graph.critical_path(needs, sequence)
    assert len(path) == len(waves) == max(length.values(), default=0)
    assert all(before in needs[after] for before, after in pairwise(path))
    above = graph.ancestors(needs, sequence)
    assert all(above[node] == {*needs[node]}.union(*(above[name] for name in needs[node])) for node in needs)


@settings(deadline=None)
@given(ANY)
def test_a_cycle_is_found_exactly_when_there_is_no_order(needs: Needs) -> None:
    ring = graph.cycle(needs)
    assert bool(ring) == (len(graph.order(needs, lambda name: name)) < len(needs))
    if ring:
        assert ring[0] == ring[-1]
        assert len(set(ring)) == len(ring) - 1
        assert all(before in needs[after] for before, after in pairwise(ring))
    assert ring == graph.cycle(dict(reversed(needs.items())))


@settings(deadline=None)
@given(acyclic(), st.lists(st.integers(-1, 1), min_size=8, max_size=8))
def test_higher_priority_then_the_longer_chain_then_the_name_goes_first(needs: Needs, given: list[int]) -> None:
    priorities = dict(zip(NAMES, given, strict=True))
    rank = graph.ranks(needs, priorities)
    wanted = sorted(needs, key=lambda node: (-priorities[node], -chains(needs, node), node))
    assert sorted(needs, key=rank.__getitem__) == wanted
