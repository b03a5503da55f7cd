"""The fence: a write is refused unless the claim that it is made under still has its token and a lease that runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple

from global_util.clock import Moment
from global_util.errors import Held

CLAIMS = """
    select item, holder, token, at, until, boot from claims left join leases using (execution_id, item, token)
    where execution_id = ?
"""
"""The claims of a run with their leases, where they have any."""

PROLONG = """
    insert into leases (execution_id, item, token, until, boot)
    select execution_id, item, token, :now + :seconds, :boot from claims
    where execution_id = :execution and item = :item and token = :token and holder is not null
    on conflict do update set token = excluded.token, until = excluded.until, boot = excluded.boot
"""
"""Let a lease run from now, if its token is still the item's."""


class Fence(NamedTuple):
    """What a holder writes under: the token that it was given for an item of a run.

    ``prolongs``: seconds by which a write of its own lets a lease run on that ran out, as long as nobody took it over;
    0: such a write is refused.
    """

    execution: str
    item: str
    token: int
    prolongs: float = 0.0

    def require(self, db: sqlite3.Connection, moment: Moment) -> None:
        """Raise Held (E507, exit 5) once the token is stale, or its lease has run out. To be asked in the transaction that writes.

        While that transaction holds the database for writing, nobody can take the claim over.
        """
        row = db.execute(f"{CLAIMS} and item = ?", (self.execution, self.item)).fetchone()
        if row is None or row["holder"] is None or row["token"] != self.token:
            raise self.stale(row)
        if left(row, moment) > 0:
            return
        if not self.prolong(db, moment):
            raise Held(
                f"{self.execution} {self.item}: the lease of token {self.token} ran out, and nobody took it over",
                "renew the claim, then write again",
                "E507",
            )

    def prolong(self, db: sqlite3.Connection, moment: Moment) -> bool:
        """Let the lease run ``prolongs`` seconds from now; False when there is nothing to add, or the claim is lost."""
        given = {**self._asdict(), "now": moment.seconds, "boot": moment.boot, "seconds": self.prolongs}
        return self.prolongs > 0 and db.execute(PROLONG, given).rowcount == 1

    def stale(self, row: Mapping[str, Any] | sqlite3.Row | None) -> Held:
        """What to tell a holder whose claim is another's by now, or nobody's. ``row``: the claim as it stands, if there is one."""
        if row is None or self.token > row["token"]:
            told = f"token {self.token} was never given"
        elif row["holder"] is None:
            told = f"the claim with token {row['token']} was released at {row['at']}"
        else:
            told = f"was taken over by {row['holder']} at {row['at']}"
        return Held(
            f"{self.execution} {self.item}: {told}", "throw away what was not written, and claim it again", "E507"
        )


def left(row: Mapping[str, Any] | sqlite3.Row, moment: Moment) -> float:
    """Seconds until a lease runs out; 0 when it has, when it was lost, and when it is of another boot."""
    if row["until"] is None or row["boot"] != moment.boot:
        return 0.0
    return max(0.0, float(row["until"]) - moment.seconds)
