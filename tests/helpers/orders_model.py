"""Mapped classes and engines for the tests of the SQLAlchemy adapter; the table `orders` is made by `with_orders`."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, ForeignKey, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from localcloud.postgres_fleet import PostgresFleet
from seawall.replicas import DatabaseServer


class Base(DeclarativeBase):
    """All of them."""


class Order(Base):
    """An order."""

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    note: Mapped[str | None]
    lines: Mapped[list["Line"]] = relationship(back_populates="order")


class Line(Base):
    """A line of an order."""

    __tablename__ = "lines"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    order: Mapped[Order] = relationship(back_populates="lines")


LINES = "CREATE TABLE lines (id int PRIMARY KEY, order_id int REFERENCES orders DEFERRABLE INITIALLY DEFERRED)"


def maker(servers: PostgresFleet, **options: Any) -> Callable[[DatabaseServer], Engine]:
    """A function that makes engines."""

    def make(server: DatabaseServer) -> Engine:
        port = int(server.address.rpartition(":")[2])
        return create_engine(servers.servers[0].dsn(driver="psycopg", port=port), **options)

    return make


def port_of(session: Session) -> int:
    """Where its transaction is."""
    return int(session.connection().connection.driver_connection.info.port)  # type: ignore[union-attr]
