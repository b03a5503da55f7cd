"""Usage and refusals are read from what clients print; what cannot be read is unknown, and nothing printed takes away from the sum."""

from __future__ import annotations

import json
import re

import pytest
from global_aim.profiles import resolve_tools
from global_aim.usage import JSON_LINES, LONGEST_WAIT_S, read_usage, read_wait
from global_util.attempt import Usage
from global_util.errors import InvalidInput
from hypothesis import given
from hypothesis import strategies as st

PROFILES = resolve_tools({})
NOW = 1_767_225_600.0


def line(**fields: object) -> str:
    return json.dumps(fields)


@pytest.mark.parametrize(
    ("tool", "output", "usage"),
    [
        pytest.param(
            "aider",
            "Tokens: 1.2k sent, 56 received. Cost: $0.0013 message, $0.0013 session.",
            (1200, 56, 1300),
            id="aider",
        ),
        pytest.param(
            "aider",
            "Tokens: 12k sent, 3.4k cache write, 1M received. Cost: $1.50 message, $1.50 session.\n"
            "Tokens: 1,000 sent, 1 received. Cost: $0.25 message, $1.75 session.",
            (13_000, 1_000_001, 1_750_000),
            id="aider answers twice",
        ),
        pytest.param("aider", "Tokens: 7 sent, 8 received.", (7, 8, None), id="aider knows no price"),
        pytest.param("aider", "litellm.AuthenticationError", (None, None, None), id="aider made no request"),
        pytest.param(
            "claude",
            line(
                type="result",
                total_cost_usd=0.0055,
                usage={
                    "input_tokens": 4,
                    "cache_creation_input_tokens": 90,
                    "cache_read_input_tokens": 6,
                    "output_tokens": 5,
                },
            ),
            (100, 5, 5500),
            id="claude",
        ),
        pytest.param(
            "codex",
            line(type="thread.started")
            + "\n"
            + line(type="turn.completed", usage={"input_tokens": 70, "cached_input_tokens": 60, "output_tokens": 3}),
            (70, 3, None),
            id="codex tells no cost",
        ),
        pytest.param("codex", line(type="turn.failed", error={"message": "no"}), (None, None, None), id="codex failed"),
        pytest.param(
            "replay", line(usage={"tokens_in": 1, "tokens_out": 2, "cost_usd": 0.1}), (1, 2, 100_000), id="replay"
        ),
        pytest.param(
            "claude", line(usage={"input_tokens": -5, "output_tokens": True}), (None, None, None), id="nonsense"
        ),
        pytest.param(
            "claude", '{"usage": {"input_tokens": NaN, "output_tokens": 1e999}}', (None, None, None), id="no numbers"
        ),
        pytest.param(
            "claude",
            line(usage={"input_tokens": 5, "output_tokens": 1}) + "\n" + line(usage={"input_tokens": "many"}),
            (None, None, None),
            id="a part is not known",
        ),
    ],
)
def test_what_a_client_prints(tool: str, output: str, usage: tuple[int | None, ...]) -> None:
    form = PROFILES[tool].usage
    assert form
    found = read_usage(form, output.encode())
    assert (found.tokens_in, found.tokens_out, found.micro_usd) == usage


@given(st.binary(max_size=300))
def test_anything_may_be_printed(output: bytes) -> None:
    for profile in PROFILES.values():
        assert read_usage(profile.usage or JSON_LINES, output) is not None
        read_wait(profile.rate_limit or ("(?P<seconds>.*)",), output, NOW, 5)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.dictionaries(st.sampled_from(["usage", "input_tokens", "output_tokens", "total_cost_usd"]), inner),
    max_leaves=8,
)


@given(st.lists(_values, max_size=4))
def test_any_json_gives_usage_that_can_be_stored(values: list[object]) -> None:
    found = read_usage(JSON_LINES, "\n".join(map(json.dumps, values)).encode())
    assert Usage.model_validate_json(found.model_dump_json()) == found
    assert all(number is None or 0 <= number < 2**63 for number in found.model_dump().values())


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=5))
def test_lines_are_added_up(told: list[tuple[int, int]]) -> None:
    output = "\n".join(line(usage={"input_tokens": sent, "output_tokens": got}) for sent, got in told)
    found = read_usage(JSON_LINES, output.encode())
    assert (found.tokens_in, found.tokens_out) == (sum(a for a, _ in told), sum(b for _, b in told))


@pytest.mark.parametrize(
    ("tool", "output", "wait"),
    [
        pytest.param("aider", "litellm.RateLimitError: slow down", 300, id="aider"),
        pytest.param("aider", "Rate limit: please try again in 20.5s", 21, id="seconds, rounded up"),
        pytest.param("claude", 'x\n{"is_error": true, "api_error_status": 429}', 900, id="claude"),
        pytest.param("claude", "Claude AI usage limit reached|1767225660", 60, id="until a moment"),
        pytest.param("claude", "Claude AI usage limit reached|1767225000", 1, id="a moment that has passed"),
        pytest.param("codex", "exceeded retry limit, last status: 429 Too Many Requests", 900, id="codex"),
        pytest.param(
            "codex", "Rate limit reached: try again in 99999999999s", LONGEST_WAIT_S, id="never longer than a week"
        ),
        pytest.param("codex", "unexpected status 500", None, id="another error"),
        pytest.param("codex", "429 Too Many Requests" + "\nline" * 30, None, id="only the last lines"),
    ],
)
def test_when_a_service_refuses(tool: str, output: str, wait: int | None) -> None:
    profile = PROFILES[tool]
    assert read_wait(profile.rate_limit or (), output.encode(), NOW, profile.rate_limit_wait_s or 0) == wait


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        pytest.param("2026-01-01T00:01:00Z", 60, id="with a zone"),
        pytest.param("2026-01-01T00:01:00", 60, id="without one: UTC"),
        pytest.param("tomorrow", 7, id="no time"),
    ],
)
def test_a_time_can_be_told(text: str, wait: int) -> None:
    assert read_wait(["until (?P<time>.*)"], f"until {text}".encode(), NOW, 7) == wait


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("usage", "(", id="no expression"),
        pytest.param("usage", "tokens: [0-9]+", id="no group"),
        pytest.param("usage", "(?P<dollars>[0-9]+)", id="unknown group"),
        pytest.param("usage", 5, id="a number"),
        pytest.param("rate_limit", "429", id="no list"),
        pytest.param("rate_limit", ["(?P<minutes>[0-9]+)"], id="unknown group of a refusal"),
        pytest.param("rate_limit_wait_s", 0, id="no wait"),
    ],
)
def test_a_wrong_profile_is_refused(key: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=re.escape(f"tools.mine.{key}")):
        resolve_tools({"mine": {"command": ["x"], key: value}})


def test_an_empty_text_takes_away_what_is_shipped() -> None:
    assert resolve_tools({"aider": {"usage": ""}})["aider"].usage is None
