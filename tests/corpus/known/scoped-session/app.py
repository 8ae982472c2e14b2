"""SQLAlchemy's scoped_session by request, without remove() at the request's end: a session stays for each.

VARIANT=fixed removes it, as the documentation says.
"""

import itertools
import os
from contextvars import ContextVar

import sqlalchemy as sa
from sqlalchemy import orm

LEAKY = os.environ.get("VARIANT", "leaky") == "leaky"
NUMBERS = itertools.count(1)
REQUEST: ContextVar[int] = ContextVar("request")
ENGINE = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
SESSIONS = orm.scoped_session(orm.sessionmaker(ENGINE), scopefunc=REQUEST.get)


class Base(orm.DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]


Base.metadata.create_all(ENGINE)
with orm.Session(ENGINE) as first:
    first.add_all(Item(id=number, name=f"item {number}") for number in range(1, 21))
    first.commit()


def name_of(number: int) -> str:
    item = SESSIONS.get(Item, number)
    return item.name if item else ""


def step() -> None:
    number = next(NUMBERS)
    REQUEST.set(number)
    name_of(1 + number % 20)
    SESSIONS.commit()
    if not LEAKY:
        SESSIONS.remove()
