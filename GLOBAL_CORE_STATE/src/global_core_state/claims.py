"""Claims: an item of a run belongs to one holder while its lease runs; a token tells the holder from those before and after it."""

from __future__ import annotations

from typing import NamedTuple

from global_util.errors import Held

from global_core_state.claims_fence import CLAIMS, Fence, left
from global_core_state.store import Store

_TAKE = """
    insert into leases (execution_id, item, token, until, boot) values (:execution, :item, 1 + coalesce(
        (select token from claims where execution_id = :execution and item = :item), 0), :now + :seconds, :boot)
    on conflict do update set token = excluded.token, until = excluded.until, boot = excluded.boot
    where leases.until <= :now or leases.boot <> :boot
    returning token
"""
"""Compare and swap: a row comes back for the one who got it, none for all others."""

_SEIZE = _TAKE.replace("where leases.until <= :now or leases.boot <> :boot", "")


class Claim(NamedTuple):
    """Who holds an item. ``at``: the wall clock when it was claimed. ``left``: seconds until the lease runs out, 0 when it has."""

    item: str
    holder: str
    token: int
    at: str
    left: float


class Claims:
    """The claims of a store. Leases run on ``store.moment``: the wall clock is not asked, and a reboot ends them all.

    A lease that ran out is still its holder's until somebody takes it over: the holder cannot write, but it can renew. Those
    two are decided by the token, in the order of the database's transactions, not by the time at which somebody wakes up.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def claim(self, execution: str, item: str, holder: str, seconds: float) -> int | None:
        """Take an item for some seconds (more than 0); the token, or None while another lease on it runs, even one's own.

        Tokens of an item grow by one with each claim and never repeat. Raises sqlite3.IntegrityError for an unknown run.
        """
        return self._take(_TAKE, execution, item, holder, seconds)

    def seize(self, execution: str, item: str, holder: str, seconds: float) -> int:
        """Take an item whoever holds it: for one who has another proof that the holder is gone. The token.

        Raises sqlite3.IntegrityError for an unknown run.
        """
        token = self._take(_SEIZE, execution, item, holder, seconds)
        assert token is not None
        return token

    def _take(self, how: str, execution: str, item: str, holder: str, seconds: float) -> int | None:
        with self._store.transaction() as db:
            now, boot = self._store.moment()
            given = {"execution": execution, "item": item, "now": now, "seconds": seconds, "boot": boot}
            won = db.execute(how, given).fetchall()
            if not won:
                return None
            token = int(won[0]["token"])
            self._store.append(db, execution, None, "claimed", {"item": item, "holder": holder, "token": token})
            return token

    def renew(self, execution: str, item: str, token: int, seconds: float) -> bool:
        """Let the lease run for some seconds from now; False when the item was taken over or released. No event tells of it."""
        with self._store.transaction() as db:
            return Fence(execution, item, token, seconds).prolong(db, self._store.moment())

    def release(self, execution: str, item: str, token: int) -> bool:
        """Give an item up; False when it was taken over or released before. Its holder may, even after the lease ran out."""
        with self._store.transaction() as db:
            held = db.execute(
                "select 1 from claims where execution_id = ? and item = ? and token = ? and holder is not null",
                (execution, item, token),
            ).fetchone()
            if held:
                self._store.append(db, execution, None, "released", {"item": item, "token": token})
                db.execute("delete from leases where execution_id = ? and item = ?", (execution, item))
            return held is not None

    def holder_of(self, execution: str, item: str) -> Claim | None:
        """Who holds an item, or whose lease on it ran out without anybody taking it over; None when nobody does."""
        return next((claim for claim in self.all(execution) if claim.item == item), None)

    def all(self, execution: str) -> list[Claim]:
        """The claims of a run that were neither released nor taken over, by item."""
        rows = self._store.rows(f"{CLAIMS} and holder is not null order by item", execution)
        moment = self._store.moment()
        return [Claim(row["item"], row["holder"], row["token"], row["at"], left(row, moment)) for row in rows]

    def held(self, execution: str, item: str) -> Held:
        """What to tell one who did not get an item: by whom it is held, and for how long."""
        claim = self.holder_of(execution, item)
        told = f"held by {claim.holder} for {claim.left:.0f} more seconds" if claim else "was held a moment ago"
        return Held(f"{execution} {item}: {told}", "wait until it is released or its lease has run out", "E509")

    def stale(self, execution: str, item: str, token: int) -> Held:
        """What to tell one whose token was refused: by whom the item was taken over, and when."""
        rows = self._store.rows(f"{CLAIMS} and item = ?", execution, item)
        return Fence(execution, item, token).stale(next(iter(rows), None))
