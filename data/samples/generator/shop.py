"""The small web shop: customers at two moments, orders and what went wrong with them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from generator.records import Findings, Sample, dutch_decimal, iso, mixed, poisson, rng_for
from generator.social import campaigns_at

if TYPE_CHECKING:
    import random

    from generator.records import Row

SNAPSHOTS = (datetime(2026, 8, 31), datetime(2026, 9, 30))
CHURN_SHARE = 0.18
CHURN_WEIGHTS = {"new (under 6 months)": 0.9, "tenure month": -0.05, "ticket": 0.7, "euro above 30": 0.03, "monthly contract": 0.8}
PLANS = {"basis": 14.95, "plus": 29.95, "pro": 59.95}
STORY_ENDS = datetime(2026, 10, 31, 18)
UTM_SOURCES = {"google": ("CMP-01", "CMP-02", "CMP-05"), "meta": ("CMP-01", "CMP-04", "CMP-05"), "linkedin": ("CMP-03", "CMP-06")}
CARRIERS = ("Pakketlijn", "DemoKoerier", "Fietsbode")
IBANS = ("NL91ABNA0417164300", "BE68539007547034")
"""Documentation examples that pass the check sum."""


def _customers(rng: random.Random) -> list[Row]:
    people = []
    for number in range(300):
        plan = rng.choices(list(PLANS), (5, 4, 2))[0]
        person = {
            "ref": f"K{number + 1:03d}",
            "tenure": round(min(60.0, rng.expovariate(1 / 16) + 0.5), 1),
            "plan": plan,
            "charges": round(PLANS[plan] * rng.uniform(0.9, 1.2), 2),
            "contract": rng.choices(("monthly", "yearly"), (3, 2))[0],
        }
        person["tickets"] = poisson(rng, 0.5 + (0.6 if plan == "pro" else 0.2))
        person["score"] = (
            0.9 * (person["tenure"] < 6)
            - 0.05 * person["tenure"]
            + 0.7 * person["tickets"]
            + 0.03 * (person["charges"] - 30)
            + 0.8 * (person["contract"] == "monthly")
        )
        people.append(person)
    low, high = -12.0, 4.0
    for _ in range(60):
        middle = (low + high) / 2
        share = sum(1 / (1 + math.exp(-middle - p["score"])) for p in people) / len(people)
        low, high = (middle, high) if share < CHURN_SHARE else (low, middle)
    for p in people:
        leaves = rng.random() < 1 / (1 + math.exp(-low - p["score"]))
        p["churned"] = SNAPSHOTS[0] + timedelta(hours=rng.randrange(30, 60 * 24)) if leaves else None
    return people


def customers(findings: Findings) -> Sample:
    """300 customers on two days; who had left by the second day is only on the first."""
    rng = rng_for("customers")
    sample = Sample("customers.csv", "customers", ("customer_id", "snapshot"), "delimiter comma, utf-8; 29.95 or € 29.95; ISO dates or dd-mm-yyyy")
    for person in _customers(rng):
        for month, snapshot in enumerate(SNAPSHOTS):
            if person["churned"] and person["churned"] <= snapshot + timedelta(days=1):
                continue
            active = snapshot - timedelta(hours=1 + min(60 * 24.0, rng.expovariate(1 / 150)))
            sample.add(
                {
                    "customer_id": person["ref"],
                    "snapshot": snapshot.strftime("%d-%m-%Y" if rng.random() < 0.1 else "%Y-%m-%d"),
                    "tenure": round(person["tenure"] + month, 1),
                    "plan": person["plan"] if rng.random() > 0.03 else "",
                    "charges": ("€ " if rng.random() < 0.2 else "") + f"{person['charges']:.2f}",
                    "contract": person["contract"],
                    "tickets": max(0, person["tickets"] + rng.choice((-1, 0, 0, 0, 0, 1)) * month),
                    "last_active": iso(active),
                    "churned": iso(person["churned"]) or "",
                }
            )
    for index in (77, 402):
        row = sample.records[index].values
        row["last_active"] = "2026-10-20T12:00:00Z"
        Findings.note(findings.flagged, "customers", "activity_not_after_as_of", sample.label(row))
    sample.repeat([14, 230, 500])
    sample.restate([66, 333], lambda row: {"last_active": "", "plan": "", "tickets": ""})
    for number, (reason, values) in enumerate(
        (
            ("minimum:tenure_months", {"tenure": "-3"}),
            ("cast:tickets_90d", {"tickets": "veel"}),
            ("not_null:as_of", {"snapshot": ""}),
            ("minimum:monthly_charges", {"charges": "-9.95"}),
            ("cast:as_of", {"snapshot": "July 2026"}),
        )
    ):
        sample.break_with(reason, {"snapshot": "2026-07-31", **values}, 100 + 40 * number)
    return sample


@dataclass(frozen=True)
class Order:
    """What an exception needs to know of an order."""

    id: str
    created: datetime
    late: bool
    mismatch: bool


def _running(moment: datetime) -> list[tuple[str, str]]:
    """(source, campaign) of the ads that run at that moment."""
    running = campaigns_at(moment)
    return [(source, campaign) for source, named in UTM_SOURCES.items() for campaign in named if campaign in running]


def _order(rng: random.Random, number: int, created: datetime, refs: list[str], weights: list[float]) -> tuple[Row, Order]:
    source, campaign = rng.choice([*_running(created), ("newsletter", ""), ("direct", "")])
    promised = (created + timedelta(days=rng.choice((1, 2, 2, 3)))).replace(hour=20, minute=0)
    shipped = created + timedelta(hours=rng.randrange(3, 14))
    shipped += timedelta(hours=3 * (shipped.hour < 2))  # nothing leaves at night, least of all in the hour that comes twice
    late = rng.random() < 0.14
    delivered = (promised + timedelta(days=rng.randrange(1, 5) * late)).replace(hour=rng.randrange(11, 18), minute=rng.randrange(60))
    status = "cancelled" if rng.random() < 0.04 else "returned" if rng.random() < 0.06 else "delivered"
    if delivered > STORY_ENDS:
        status = "shipped" if shipped < STORY_ENDS else "created"
    amount = round(18 + 44 * rng.lognormvariate(0, 0.6), 2)
    paid = amount if rng.random() > 0.05 else round(amount - rng.choice((1, 5, 10)), 2)
    gone = status in ("cancelled", "created")
    row = {
        "bestelnummer": f"ZB-{20000 + number}",
        "klantnummer": rng.choices(refs, weights)[0],
        "bron": source,
        "campagne": campaign,
        "status": status,
        "besteldatum": mixed(rng, created, 0.05),
        "beloofd": mixed(rng, promised, 0.05),
        "verzonden": "" if gone else mixed(rng, shipped, 0.05),
        "bezorgd": "" if gone or status == "shipped" else mixed(rng, delivered, 0.05),
        "vervoerder": "" if gone else rng.choice(CARRIERS),
        "bedrag": "€ " * (rng.random() < 0.3) + dutch_decimal(amount),
        "valuta": "EUR",
        "betaald": dutch_decimal(paid),
        "aantal": str(rng.choice((1, 1, 2, 2, 3, 4, 6))),
        "land": rng.choice(("NL", "NL", "NL", "BE", "BE")),
        "opmerking": rng.choice(("", "", "", "", "Graag bij de buren afgeven", "Cadeau, geen pakbon &amp; geen prijs", "Leave at the back door")),
    }
    return row, Order(row["bestelnummer"], created, late and not gone and status != "shipped", paid != amount)


def orders(findings: Findings) -> tuple[Sample, list[Order]]:
    """400 orders of July to October; a few customers buy often, many once or never."""
    rng = rng_for("orders")
    sample = Sample("orders_nl.csv", "orders", ("bestelnummer",), "delimiter ;, cp1252; € 1.234,56; dd-mm-yyyy HH:MM Europe/Amsterdam or ISO")
    refs = [f"K{n + 1:03d}" for n in range(300)]
    weights = [rng.paretovariate(1.6) for _ in refs]
    hours = sorted(rng.randrange(120 * 24) for _ in range(400))
    facts: list[Order] = []
    for number, hour in enumerate(hours):
        created = datetime(2026, 7, 4, 4) + timedelta(days=hour // 24, hours=hour % 24 * 0.7, minutes=rng.randrange(30))
        row, fact = _order(rng, number + 1, created, refs, weights)
        sample.add(row)
        facts.append(fact)
    for index, note, label in (
        (21, "Bel even op 06-12345678 als ik er niet ben", "PHONE"),
        (88, "Factuur naar klant@example.com graag", "EMAIL"),
        (141, f"Terugstorten op {IBANS[0]} aub", "IBAN"),
        (207, "Questions? Write to buyer@example.com", "EMAIL"),
        (305, "Call +31 6 12345678 on arrival", "PHONE"),
    ):
        sample.records[index].values["opmerking"] = note
        Findings.note(findings.personal, "orders.note", label, sample.records[index].values["bestelnummer"])
    _orders_out_of_step(sample, findings)
    sample.repeat([40, 166, 250, 333])
    sample.restate([75, 190, 281], lambda row: {"verzonden": "", "bezorgd": "", "vervoerder": "", "status": "created", "opmerking": ""})
    for number, (reason, values) in enumerate(
        (
            ("cast:amount", {"bedrag": "gratis"}),
            ("minimum:items", {"aantal": "0"}),
            ("minimum:paid_amount", {"betaald": "-25,00"}),
            ("not_null:created_at", {"besteldatum": ""}),
            ("cast:created_at", {"besteldatum": "2026/31/10"}),
            ("not_null:order_id", {"bestelnummer": ""}),
        )
    ):
        sample.break_with(reason, {"bestelnummer": f"ZB-9000{number}", **values}, 30 + 50 * number)
    return sample, facts


def _orders_out_of_step(sample: Sample, findings: Findings) -> None:
    """Two orders with dates in the wrong order, and one amount in cents."""
    delivered = [r.values for r in sample.records if r.values["status"] == "delivered"]
    early, swapped, slip = delivered[50], delivered[120], delivered[200]
    early["verzonden"] = "01-07-2026 09:00"
    Findings.note(findings.flagged, "orders", "created_before_shipped", early["bestelnummer"])
    swapped["verzonden"], swapped["bezorgd"] = swapped["bezorgd"], swapped["verzonden"]
    Findings.note(findings.flagged, "orders", "shipped_before_delivered", swapped["bestelnummer"])
    slip["bedrag"] = "64.950,00"
    slip["betaald"] = "64,95"
    Findings.note(findings.outliers, "orders", "unit_slip_x1000", slip["bestelnummer"])


DESCRIPTIONS = {
    "late_delivery": (
        "Pakket {o} is na de beloofde dag nog niet bezorgd.",
        "Order {o} arrived later than promised, customer complains about the delay.",
        "Klant wacht nog steeds op {o}, levering is te laat.",
    ),
    "address_problem": (
        "Huisnummer ontbreekt bij {o}, bezorger kon het adres niet vinden.",
        "Postcode and city do not match for {o}, address must be checked.",
    ),
    "payment_mismatch": ("Betaald bedrag van {o} wijkt af van het orderbedrag.", "Payment for {o} is lower than the invoice total."),
    "stock_out": ("Artikel uit {o} is niet meer op voorraad.", "One item of {o} is out of stock in both depots."),
    "damaged": ("Doos van {o} kwam nat en gescheurd aan, inhoud beschadigd.", "Customer sent a photo: the glass in {o} is broken."),
    "duplicate_order": ("{o} lijkt twee keer te zijn geplaatst binnen een minuut.", "Same basket ordered twice, {o} is probably a duplicate."),
    "missing_data": ("Telefoonnummer en e-mail ontbreken bij {o}.", "Country is empty for {o}, label cannot be printed."),
    "carrier_exception": ("Vervoerder meldt een sorteerfout voor {o}.", "Carrier scan says 'depot missed' for {o}, van broke down."),
    "customs_hold": ("{o} ligt bij de douane, factuur ontbreekt.", "Shipment {o} is on hold at customs, HS code missing."),
    "other": ("Klant vraagt een andere kleur lint bij {o}.", "Customer of {o} wants to know when the shop closes."),
}


def _order_for(rng: random.Random, label: str, raised: datetime, facts: list[Order]) -> str:
    """An order of the weeks before that really has the problem, where orders show it."""
    recent = [o for o in facts if timedelta(days=4) < raised - o.created < timedelta(days=25)]
    wanted = [o for o in recent if (o.late if label == "late_delivery" else o.mismatch if label == "payment_mismatch" else True)]
    return rng.choice(wanted or recent).id


def exceptions(facts: list[Order], findings: Findings) -> Sample:
    """60 exceptions; the label that a reader would give is kept apart."""
    rng = rng_for("exceptions")
    sample = Sample("exceptions.jsonl", "exception_records", ("exception_id",), "ISO 8601 UTC")
    labels = ["late_delivery"] * 15 + ["carrier_exception"] * 7 + [k for k in DESCRIPTIONS if k not in ("late_delivery", "carrier_exception")] * 5
    labels = labels[:60] + ["other"] * (60 - len(labels))
    rng.shuffle(labels)
    for number, label in enumerate(labels):
        raised = datetime(2026, 7, 12) + timedelta(days=number * 1.85, hours=rng.randrange(7, 20), minutes=rng.randrange(60))
        order = _order_for(rng, label, raised, facts)
        sample.add(
            {
                "exception_id": f"EX-{number + 1:03d}",
                "order_id": order,
                "raised_at": iso(raised.replace(microsecond=0, second=0)),
                "source": rng.choice(("carrier", "customer", "warehouse", "shop")),
                "description": rng.choice(DESCRIPTIONS[label]).format(o=order),
            }
        )
        findings.exception_labels[f"EX-{number + 1:03d}"] = label
    for index, extra, found in (
        (6, " Mail klant@example.nl voor een foto.", "EMAIL"),
        (19, " Customer can be called on +32 470 12 34 56.", "PHONE"),
        (31, f" Terugbetalen op {IBANS[1]}.", "IBAN"),
        (44, " Reply to buyer@example.com please.", "EMAIL"),
        (52, " Bel 06 12345678.", "PHONE"),
    ):
        sample.records[index].values["description"] += extra
        Findings.note(findings.personal, "exception_records.description", found, sample.records[index].values["exception_id"])
    sample.records[25].values["order_id"] = "ZB-99999"
    Findings.note(findings.flagged, "exception_records", "reference:order_id", "EX-026")
    sample.repeat([9, 37])
    sample.restate([48], lambda row: {"source": None, "description": row["description"][:30]})
    sample.break_with("not_null:raised_at", {"exception_id": "EX-901", "raised_at": None}, 3)
    sample.break_with("cast:raised_at", {"exception_id": "EX-902", "raised_at": "vorige week"}, 12)
    sample.break_with("not_null:exception_id", {"exception_id": None}, 20)
    return sample
