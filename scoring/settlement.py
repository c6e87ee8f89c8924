"""What a list leaves open, and how it was settled: seeded orders, verdicts of a panel, reviews.

format = "settlement/v1", as JSON or TOML:

orders         [{draw_id, order: [ids]}]: results of draws of method `order`, first is foremost
line           [{dossier, taken, reason}]: a panel's verdicts on dossiers near the pass line
panel          [{dossier, taken, reason}]: a panel's verdicts on dossiers of the line zone
extra_reviews  the draw that dealt extra reviews; the fit given is then the one that has them
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scoring.errors import ScoringError
from scoring.fields import Fields
from scoring.records import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FORMAT = "settlement/v1"


@dataclass(frozen=True)
class Open:
    """A matter that the evidence and the rules leave open.

    `matter` is "tie" (equal expected ranks), "zone" (chances between the zone's bounds) or
    "line" (chance to lie above the pass line between them); `how` is "draw", "panel" or
    "extra-reviews". `take` of the `ids` get a seat; None where each is judged by itself.
    """

    matter: str
    how: str
    ids: tuple[str, ...]
    take: int | None

    def record(self) -> dict[str, Any]:
        """Return the matter as a record."""
        return {"matter": self.matter, "how": self.how, "ids": list(self.ids), "take": self.take}


@dataclass(frozen=True)
class Order:
    """The order that a draw of method `order` gave to all ids of one open matter."""

    draw_id: str
    order: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """A panel's decision on one dossier, with the reason that the list will show."""

    dossier: str
    taken: bool
    reason: str


@dataclass(frozen=True)
class Settlement:
    """All that was settled outside the computation; the module's docstring tells the fields."""

    orders: tuple[Order, ...] = ()
    line: tuple[Verdict, ...] = ()
    panel: tuple[Verdict, ...] = ()
    extra_reviews: str | None = None

    @staticmethod
    def from_record(record: Any) -> Settlement:
        """Return the settlement of a record; ScoringError "settlement" names the wrong field."""
        top = Fields(record, "settlement")
        top.choice("format", (FORMAT,))
        settlement = Settlement(
            orders=tuple(_order(entry) for entry in top.tables("orders")),
            line=_verdicts(top, "line"),
            panel=_verdicts(top, "panel"),
            extra_reviews=top.text("extra_reviews") if top.has("extra_reviews") else None,
        )
        top.done()
        return settlement

    def record(self) -> dict[str, Any]:
        """Return the settlement as a record; `from_record` gives it back."""
        return {
            "format": FORMAT,
            "orders": [{"draw_id": o.draw_id, "order": list(o.order)} for o in self.orders],
            "line": [vars(verdict) for verdict in self.line],
            "panel": [vars(verdict) for verdict in self.panel],
            "extra_reviews": self.extra_reviews,
        }

    def digest(self) -> str:
        """Return the SHA-256 of the canonical record."""
        return digest(self.record())

    def order_of(self, ids: Iterable[str]) -> Order | None:
        """Return the order of exactly these ids; None where no draw was held over them."""
        wanted = sorted(ids)
        for order in self.orders:
            if sorted(order.order) == wanted:
                return order
        return None


def verdicts_on(
    verdicts: tuple[Verdict, ...], ids: Iterable[str], matter: str
) -> Mapping[str, Verdict] | None:
    """Return the verdicts by dossier; None where there are none yet.

    ScoringError "settlement" unless they are about exactly the open ids.
    """
    if not verdicts:
        return None
    by_id = {verdict.dossier: verdict for verdict in verdicts}
    wanted = set(ids)
    if set(by_id) != wanted:
        missing, strange = sorted(wanted - set(by_id)), sorted(set(by_id) - wanted)
        raise ScoringError(
            "settlement",
            f"the panel's verdicts on the {matter} must be about each open dossier: "
            f"missing {', '.join(missing) or 'none'}; not open {', '.join(strange) or 'none'}",
            matter=matter,
            missing=missing,
            strange=strange,
        )
    return by_id


def _order(fields: Fields) -> Order:
    draw_id = fields.text("draw_id")
    order = fields.array("order")
    if not order or not all(isinstance(name, str) and name for name in order):
        fields.refuse("order", "must be an array of ids that is not empty")
    if len(set(order)) < len(order):
        fields.refuse("order", "names an id twice")
    fields.done()
    return Order(draw_id, tuple(order))


def _verdicts(top: Fields, key: str) -> tuple[Verdict, ...]:
    verdicts: dict[str, Verdict] = {}
    for entry in top.tables(key):
        dossier = entry.text("dossier")
        if dossier in verdicts:
            entry.refuse("dossier", f"{dossier!r} stands twice")
        if not isinstance(entry.value("taken"), bool):
            entry.refuse("taken", "must be true or false")
        verdict = Verdict(dossier, entry.value("taken"), entry.text("reason"))
        entry.done()
        verdicts[dossier] = verdict
    return tuple(verdicts[name] for name in sorted(verdicts))
