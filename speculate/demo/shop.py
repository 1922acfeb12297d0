"""The shop the demo's agent works for: made-up customers, orders and parcels, the same for the same seed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

FIRST_NAMES = ("ada", "alan", "barbara", "donald", "edsger", "frances", "grace", "john", "ken", "leslie", "tony")
LAST_NAMES = ("archer", "baker", "cooper", "dyer", "fisher", "fletcher", "mason", "miller", "sawyer", "weaver")
PARTS = ("hinge", "bracket", "spring", "bearing", "gasket", "valve", "washer", "pulley")
SIZES = ("small", "medium", "large")
DEPOTS = ("harbour", "hillside", "station", "riverside")
POLICIES = {
    "returns": "# Returns\n\nUnused parts are taken back for 30 days after delivery. A replacement is sent at once.\n",
    "cancellation": "# Cancellation\n\nAn order can be cancelled until it is handed to the carrier.\n",
}


@dataclass(frozen=True, slots=True)
class Customer:
    email: str
    name: str
    orders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shop:
    """Everything there is: `services` is what the HTTP services answer by path; the rest goes into SQLite."""

    customers: tuple[Customer, ...]
    orders: dict[str, dict[str, Any]]
    products: tuple[tuple[str, str, int], ...]
    services: dict[str, dict[str, Any]]


def make_shop(seed: int, customers: int = 48) -> Shop:
    """A shop with so many customers, the same on every run with this seed."""
    random = Random(f"shop {seed}")  # noqa: S311 - made-up data, nothing secret
    products = tuple(
        (f"P{100 + 10 * number + size_number}", f"{size} {part}", random.randrange(200, 9900))
        for number, part in enumerate(PARTS)
        for size_number, size in enumerate(SIZES)
    )
    services: dict[str, dict[str, Any]] = {
        f"/stock/{sku}": {"sku": sku, "in_stock": random.choice((0, 0, 3, 12, 40))} for sku, _, _ in products
    }
    for depot in DEPOTS:
        services[f"/depot/{depot}"] = {"depot": depot, "delay_days": random.randrange(1, 4)}
    orders: dict[str, dict[str, Any]] = {}
    people = []
    names = random.sample([(first, last) for first in FIRST_NAMES for last in LAST_NAMES], customers)
    for first, last in names:
        mine = []
        for _ in range(random.randrange(1, 4)):
            order_id = f"W{random.randrange(10_000, 99_999)}"
            status = random.choice(("processing", "shipped", "shipped", "delivered"))
            parcel = f"Z{random.randrange(100_000, 999_999)}" if status != "processing" else None
            sku, product, cents = random.choice(products)
            orders[order_id] = {
                "order_id": order_id, "status": status, "parcel": parcel,
                "sku": sku, "product": product, "cents": cents,
            }  # fmt: skip
            if parcel is not None:
                state = "delivered" if status == "delivered" else random.choice(("on its way", "delayed"))
                services[f"/parcel/{parcel}"] = {
                    "parcel": parcel, "state": state,
                    "depot": random.choice(DEPOTS), "due_in_days": random.randrange(1, 5),
                }  # fmt: skip
            mine.append(order_id)
        email = f"{first}.{last}@example.org"
        people.append(Customer(email, f"{first.title()} {last.title()}", tuple(mine)))
        services[f"/customer/{email}"] = {
            "email": email, "name": people[-1].name, "orders": mine, "last_order": mine[-1],
        }  # fmt: skip
    return Shop(tuple(people), orders, products, services)


@dataclass(frozen=True, slots=True)
class Workspace:
    """The shop's files on disk: `shop.db` and `policies/`."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "shop.db"

    @classmethod
    def create(cls, folder: Path, shop: Shop) -> Workspace:
        """Write the shop's files afresh."""
        workspace = cls(folder)
        (folder / "policies").mkdir(parents=True, exist_ok=True)
        for topic, text in POLICIES.items():
            (folder / "policies" / f"{topic}.md").write_text(text, encoding="utf-8")
        workspace.database.unlink(missing_ok=True)
        with closing(sqlite3.connect(workspace.database)) as database, database:
            database.execute("CREATE TABLE products (sku TEXT PRIMARY KEY, product TEXT, cents INTEGER)")
            database.execute(
                "CREATE TABLE orders "
                "(order_id TEXT PRIMARY KEY, status TEXT, parcel TEXT, sku TEXT, product TEXT, cents INTEGER)"
            )
            database.execute("CREATE TABLE returns (order_id TEXT, sku TEXT, UNIQUE (order_id, sku))")
            database.executemany("INSERT INTO products VALUES (?, ?, ?)", shop.products)
            database.executemany(
                "INSERT INTO orders VALUES (:order_id, :status, :parcel, :sku, :product, :cents)", shop.orders.values()
            )
        return workspace

    def contents(self) -> list[str]:
        """The database as text: two runs left the same world if this is equal."""
        with closing(sqlite3.connect(self.database)) as database:
            return sorted(database.iterdump())
