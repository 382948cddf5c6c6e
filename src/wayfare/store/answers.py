"""What was answered to requests that carry an idempotency key, so that asking again gives the same answer again.

Of many requests with one key, one gets the claim and is carried out; the others wait for its answer. A claim whose
holder died lapses. Answers are kept for a day; they are sealed, as some of them show a secret once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Column, Double, Index, Table, Text
from sqlalchemy.exc import IntegrityError

from wayfare.store.bound import Bound
from wayfare.store.schema import METADATA, tenant_column
from wayfare.store.seal import Place

KEEP_SECONDS = 86_400.0
LEASE_SECONDS = 900.0  # longer than any request that is answered at all
FORGET_AT_ONCE = 100

ANSWERS = Table(
    "answers",
    METADATA,
    tenant_column(primary_key=True),
    Column("principal", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", Text, nullable=False),  # of method, path, query and body
    Column("sealed", Text, nullable=False),  # the answer; "" while somebody is at work on it
    Column("until", Double, nullable=False),  # when the claim lapses, or the answer is forgotten
    Index("answers_by_age", "until"),
)


@dataclass(frozen=True, slots=True)
class Kept:
    digest: str
    answer: str  # "" while somebody is at work on it


@dataclass(frozen=True)
class Answers:
    """Of one tenant."""

    store: Bound

    def claim(self, principal: str, key: str, digest: str) -> Kept | None:
        """None: it is the caller's to carry out, and then to `keep` or to `release`. Else what is there."""
        now = time.time()
        mine = (ANSWERS.c.principal == principal, ANSWERS.c.key == key)
        row = {"principal": principal, "key": key, "digest": digest, "sealed": "", "until": now + LEASE_SECONDS}
        try:
            with self.store.write() as connection:
                connection.execute(sa.delete(ANSWERS).where(*mine, ANSWERS.c.until < now))
                connection.execute(sa.insert(ANSWERS), {**row, "tenant": self.store.one_tenant})
        except IntegrityError:
            with self.store.read() as connection:
                found = connection.execute(sa.select(ANSWERS).where(*mine)).one_or_none()
            if found is None:  # released in this very moment: the caller may try again
                return Kept(digest, "")
            answer = self.store.sealer.unseal(found.sealed, self._place(principal, key)) if found.sealed else ""
            return Kept(found.digest, answer)
        return None

    def keep(self, principal: str, key: str, answer: str) -> None:
        sealed = self.store.sealer.seal(answer, self._place(principal, key))
        mine = (ANSWERS.c.principal == principal, ANSWERS.c.key == key)
        with self.store.write() as connection:
            until = time.time() + KEEP_SECONDS
            connection.execute(sa.update(ANSWERS).where(*mine).values(sealed=sealed, until=until))
            self._forget(connection)

    def release(self, principal: str, key: str) -> None:
        """Nothing came of it; whoever asks again may have it carried out."""
        mine = (ANSWERS.c.principal == principal, ANSWERS.c.key == key)
        with self.store.write() as connection:
            connection.execute(sa.delete(ANSWERS).where(*mine, ANSWERS.c.sealed == ""))

    def _forget(self, connection: sa.Connection) -> None:
        old = sa.select(ANSWERS.c.principal, ANSWERS.c.key).where(ANSWERS.c.until < time.time()).limit(FORGET_AT_ONCE)
        for row in connection.execute(old).all():
            connection.execute(sa.delete(ANSWERS).where(ANSWERS.c.principal == row.principal, ANSWERS.c.key == row.key))

    def _place(self, principal: str, key: str) -> Place:
        return Place(self.store.one_tenant, ANSWERS.name, "sealed", f"{principal}|{key}")
