"""The questions that are asked of the state all the time are answered from an index."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from global_core_state.schema import open_database


@pytest.mark.parametrize(
    ("table", "condition"),
    [
        ("runs", "execution_id = ?"),
        ("workstreams", "execution_id = ?"),
        ("workstreams", "execution_id = ? and ws_id = ?"),
        ("workstreams", "execution_id = ? and status = ?"),
        ("step_attempts", "execution_id = ? and ws_id = ?"),
        ("events", "execution_id = ? order by seq"),
        ("journal", "execution_id = ? and key = ?"),
    ],
)
def test_a_common_question_scans_no_table(tmp_path: Path, table: str, condition: str) -> None:
    with closing(open_database(tmp_path / "state.db")) as connection:
        question = f"explain query plan select * from {table} where {condition}"
        steps = [row["detail"] for row in connection.execute(question, ("x",) * condition.count("?"))]
    assert [step for step in steps if "INDEX" not in step or not step.startswith("SEARCH")] == []
