"""Exports as ad platforms write them, in the languages of their users, with what must be read from them.

`write(folder)` gives the same bytes every time. Every figure is invented; the answers come from the rows, never from reading the files back.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import random
from pathlib import Path

DAYS = [dt.date(2026, 9, 1) + dt.timedelta(days=i) for i in range(6)]
FRENCH = "\u202f"


class Rows:
    """Invented rows of one platform and what they add up to."""

    def __init__(self, seed: int, campaigns: list[str], *, revenue: bool = True) -> None:
        rng = random.Random(seed)
        self.rows = []
        for day in DAYS:
            for campaign in campaigns:
                clicks = rng.randint(20, 900)
                self.rows.append(
                    {
                        "day": day,
                        "campaign": campaign,
                        "spend": round(clicks * rng.uniform(0.3, 2.5), 2),
                        "clicks": clicks,
                        "impressions": clicks * rng.randint(15, 60),
                        "conversions": rng.randint(0, 40),
                        "revenue": round(rng.uniform(50, 4000), 2) if revenue else None,
                    }
                )

    def expected(self, **more: object) -> dict:
        names = ("spend", "impressions", "clicks", "conversions", "revenue")
        sums = {n: None if all(r[n] is None for r in self.rows) else round(sum(r[n] or 0 for r in self.rows), 2) for n in names}
        days = [r["day"] for r in self.rows]
        told = {"status": "ok", "rows": len(self.rows), "sums": sums, "first_date": min(days).isoformat(), "last_date": max(days).isoformat()}
        return told | {"grain": "day", "reject_lines": [], "currency": "EUR", "currency_basis": "reported"} | more


def _en(value: float, digits: int = 2) -> str:
    return f"{value:,.{digits}f}"


def _de(value: float, digits: int = 2) -> str:
    return _en(value, digits).replace(",", "_").replace(".", ",").replace("_", ".")


def _fr(value: float, digits: int = 2) -> str:
    return _en(value, digits).replace(",", FRENCH).replace(".", ",")


def _csv(lines: list[list[str]], delimiter: str = ",") -> str:
    def cell(text: str) -> str:
        return f'"{text}"' if delimiter in text or '"' in text or "\n" in text else text

    return "".join(delimiter.join(cell(c) for c in line) + "\n" for line in lines)


def _google(rows: Rows, head: list[str], preamble: list[str], number, total: str, day, delimiter: str = ",") -> str:
    lines = [[d] for d in preamble] + [head]
    for r in rows.rows:
        cells = [
            day(r["day"]),
            r["campaign"],
            "EUR",
            number(r["clicks"], 0),
            number(r["impressions"], 0),
            "< 10%",
            number(r["spend"]),
            number(r["conversions"]),
            number(r["revenue"]),
        ]
        lines.append(cells)
    for label in ("Account", "Campaigns"):
        lines.append(
            [
                f"{total}: {label}",
                "",
                "EUR",
                number(sum(r["clicks"] for r in rows.rows), 0),
                "--",
                "--",
                number(sum(r["spend"] for r in rows.rows)),
                "--",
                "--",
            ]
        )
    return _csv(lines, delimiter)


def _meta(rows: Rows, head: list[str], number, *, day_column: bool = True) -> str:
    lines = [head]
    total = [""] * len(head)
    for r in rows.rows:
        when = [r["day"].isoformat()] * (3 if day_column else 2)
        lines.append(
            [
                r["campaign"],
                *when,
                number(r["spend"]),
                number(r["impressions"], 0),
                number(r["clicks"], 0),
                str(r["conversions"]),
                number(r["revenue"]),
            ]
        )
    total[-5:] = [
        number(sum(r[n] for r in rows.rows), d) for n, d in (("spend", 2), ("impressions", 0), ("clicks", 0), ("conversions", 0), ("revenue", 2))
    ]
    return _csv([lines[0], total, *lines[1:]])


def _plain(rows: Rows, head: list[str], day, number=lambda v, d=2: f"{v:.{d}f}", delimiter: str = ",", currency: bool = True) -> str:
    lines = [head]
    for r in rows.rows:
        cells = [
            day(r["day"]),
            "Google",
            r["campaign"],
            number(r["spend"]),
            number(r["clicks"], 0),
            number(r["impressions"], 0),
            str(r["conversions"]),
        ]
        lines.append(cells + (["EUR"] if currency else []))
    return _csv(lines, delimiter)


def files() -> dict[str, tuple[bytes, dict]]:
    """Every export: name to bytes and what must be read."""
    made: dict[str, tuple[bytes, dict]] = {}

    def put(name: str, text: str | bytes, told: dict, encoding: str = "utf-8") -> None:
        made[name] = (text if isinstance(text, bytes) else text.encode(encoding), told)

    iso = dt.date.isoformat
    google = Rows(1, ["Merk | Zoeken", "Herfstactie, 20% korting"])
    en_head = ["Day", "Campaign", "Currency code", "Clicks", "Impr.", "Search impr. share", "Cost", "Conversions", "Conv. value"]
    g = {"platform": "Google"}
    english = _google(google, en_head, ["Campaign report", "September 1, 2026 - September 6, 2026"], _en, "Total", iso)
    put("google_en.csv", english, google.expected(**g))
    put(
        "google_en_excel.csv",
        _google(google, en_head, ["Campaign report", "September 1, 2026 - September 6, 2026"], _en, "Total", iso, "\t"),
        google.expected(**g),
        "utf-16",
    )
    fr_head = ["Jour", "Campagne", "Code de devise", "Clics", "Impr.", "Taux d'impr. (Rés. Rech.)", "Coût", "Conversions", "Valeur conv."]
    put(
        "google_fr.csv",
        _google(google, fr_head, ["Rapport sur les campagnes", "1 septembre 2026 - 6 septembre 2026"], _fr, "Total", iso, ";"),
        google.expected(**g),
    )
    de_head = ["Tag", "Kampagne", "Währungscode", "Klicks", "Impr.", "Anteil an mögl. Impr. im Suchnetzwerk", "Kosten", "Conversions", "Conv.-Wert"]
    put(
        "google_de.csv",
        _google(google, de_head, ["Kampagnenbericht", "1. September 2026 - 6. September 2026"], _de, "Gesamt", lambda d: d.strftime("%d.%m.%Y"), ";"),
        google.expected(**g),
    )
    nl_head = ["Dag", "Campagne", "Valutacode", "Klikken", "Vert.", "Vertoningspercentage zoeken", "Kosten", "Conversies", "Conv.waarde"]
    put(
        "google_nl.csv",
        _google(google, nl_head, ["Campagnerapport", "1 september 2026 - 6 september 2026"], _de, "Totaal", lambda d: d.strftime("%d-%m-%Y"), ";"),
        google.expected(**g),
    )

    meta = Rows(2, ["Zomer_Prospecting", "Retargeting NL"])
    m = {"platform": "Meta"}
    put(
        "meta_en.csv",
        _meta(
            meta,
            [
                "Campaign name",
                "Day",
                "Reporting starts",
                "Reporting ends",
                "Amount spent (EUR)",
                "Impressions",
                "Link clicks",
                "Purchases",
                "Purchases conversion value",
            ],
            lambda v, d=2: f"{v:.{d}f}",
        ),
        meta.expected(**m),
    )
    put(
        "meta_nl.csv",
        _meta(
            meta,
            [
                "Campagnenaam",
                "Dag",
                "Begin rapportage",
                "Einde rapportage",
                "Besteed bedrag (EUR)",
                "Weergaven",
                "Klikken op link",
                "Aankopen",
                "Conversiewaarde van aankopen",
            ],
            lambda v, d=2: f"{v:.{d}f}",
        ),
        meta.expected(**m),
    )
    put(
        "meta_es.csv",
        _meta(
            meta,
            [
                "Nombre de la campaña",
                "Día",
                "Inicio del informe",
                "Fin del informe",
                "Importe gastado (EUR)",
                "Impresiones",
                "Clics en el enlace",
                "Compras",
                "Valor de conversión de compras",
            ],
            lambda v, d=2: f"{v:.{d}f}",
        ),
        meta.expected(**m),
    )
    period = Rows(3, ["Zomer_Prospecting"])
    lines = [
        ["Campaign name", "Reporting starts", "Reporting ends", "Amount spent (EUR)", "Impressions", "Link clicks"],
        ["Zomer_Prospecting", "2026-09-01", "2026-09-30", "812.40", "40210", "830"],
    ]
    one = {"spend": 812.4, "impressions": 40210, "clicks": 830, "conversions": None, "revenue": None}
    put(
        "meta_period.csv",
        _csv(lines),
        period.expected(platform="Meta", rows=1, sums=one, first_date="2026-09-01", last_date="2026-09-30", grain="period"),
    )
    mixed = [["Campaign name", "Day", "Amount spent (EUR)", "Impressions", "Link clicks", "Results", "Result indicator"]]
    mixed += [
        ["A", "2026-09-01", "10.00", "1000", "20", "5", "actions:offsite_conversion.fb_pixel_purchase"],
        ["B", "2026-09-01", "12.00", "900", "18", "70", "actions:link_click"],
        ["C", "2026-09-01", "4.00", "300", "9", "12", "reach"],
    ]
    told = {"spend": 26.0, "impressions": 2200, "clicks": 47, "conversions": 5, "revenue": None}
    put("meta_results.csv", _csv(mixed), period.expected(platform="Meta", rows=3, sums=told, first_date="2026-09-01", last_date="2026-09-01"))

    linked = Rows(4, ["Fulfilment Webinar"], revenue=False)
    head = ["Start Date (in UTC)", "Account Name", "Currency", "Campaign Name", "Impressions", "Clicks", "Total Spent", "Conversions"]
    body = [
        [
            f"{r['day'].month}/{r['day'].day}/{r['day'].year}",
            "Depot Noord",
            "EUR",
            r["campaign"],
            str(r["impressions"]),
            str(r["clicks"]),
            f"{r['spend']:.2f}",
            str(r["conversions"]),
        ]
        for r in linked.rows
    ]
    pre = "Campaign Performance Report (in UTC)\nReport Start: September 1, 2026, 12:00 AM\nReport End: September 6, 2026, 11:59 PM\nDate Generated: September 7, 2026, 8:12 AM\n\n"
    total = [
        [
            "Total",
            "",
            "",
            "",
            str(sum(r["impressions"] for r in linked.rows)),
            str(sum(r["clicks"] for r in linked.rows)),
            f"{sum(r['spend'] for r in linked.rows):.2f}",
            "",
        ]
    ]
    put("linkedin_en.csv", pre + _csv([head, *body, *total]), linked.expected(platform="LinkedIn"))

    tiktok = Rows(5, ["Unboxing", "Achter de schermen"], revenue=False)
    head = ["By Day", "Campaign name", "Cost", "CPC (destination)", "Impressions", "Clicks (destination)", "Conversions", "Currency"]
    body = [
        [iso(r["day"]), r["campaign"], f"{r['spend']:.2f}", "0.5", str(r["impressions"]), str(r["clicks"]), str(r["conversions"]), "EUR"]
        for r in tiktok.rows
    ]
    total = [["Total of 12 results", "-", f"{sum(r['spend'] for r in tiktok.rows):.2f}", "-", "-", "-", "-", "EUR"]]
    put("tiktok_en.csv", _csv([head, *body, *total]), tiktok.expected(platform="TikTok"))

    x = Rows(6, ["Vacatures"], revenue=False)
    head = ["Time period", "Campaign name", "Currency", "Spend", "Impressions", "Link clicks", "Conversions"]
    body = [
        [iso(r["day"]), r["campaign"], "EUR", f"{r['spend']:.2f}", str(r["impressions"]), str(r["clicks"]), str(r["conversions"])] for r in x.rows
    ]
    put("x_en.csv", _csv([["Funding source", *head], *[["Visa", *b] for b in body]]), x.expected(platform="X"))
    head = ["Período de tiempo", "Nombre de la campaña", "Gasto", "Impresiones", "Clics en el enlace", "Conversiones", "Fuente de financiación"]
    body = [
        [
            r["day"].strftime("%d/%m/%Y") if r["day"].day > 12 else iso(r["day"]),
            r["campaign"],
            f"{_de(r['spend'])} €",
            _de(r["impressions"], 0),
            _de(r["clicks"], 0),
            str(r["conversions"]),
            "Visa",
        ]
        for r in x.rows
    ]
    put("x_es.csv", _csv([head, *body], ";"), x.expected(platform="X"))

    ga = Rows(7, ["brand", "retargeting"])
    head = ["Date", "Session campaign", "Ads cost", "Ads clicks", "Ads impressions", "Key events", "Total revenue"]
    body = [
        [
            r["day"].strftime("%Y%m%d"),
            r["campaign"],
            f"{r['spend']:.2f}",
            str(r["clicks"]),
            str(r["impressions"]),
            str(r["conversions"]),
            f"{r['revenue']:.2f}",
        ]
        for r in ga.rows
    ]
    pre = "# ----------------------------------------\n# Google Ads campaigns\n# Account: Depot Noord\n# Property: depot.example\n# Start date: 20260901\n# End date: 20260906\n# ----------------------------------------\n\n"
    total = [["", "Grand total", f"{sum(r['spend'] for r in ga.rows):.2f}", "", "", "", ""]]
    ga_told = ga.expected(platform="GA4", currency=None, currency_basis="unknown")
    put("ga4.csv", pre + _csv([head, *total, *body]), ga_told)
    put("ga4_two_tables.csv", pre + _csv([head, *total, *body]) + "\n# Users by day\nNth day,Active users\n0000,120\n0001,99\n", ga_told)

    plain = Rows(8, ["Alpha", "=Beta"], revenue=False)
    head = ["Date", "Network", "Campaign", "Cost", "Clicks", "Impressions", "Conversions", "Currency"]
    p = {"platform": "Google"}
    put("plain.csv", _plain(plain, head, iso), plain.expected(**p))
    put("plain_bom.csv", _plain(plain, head, iso), plain.expected(**p), "utf-8-sig")
    put(
        "plain_cp1252.csv",
        _plain(plain, [*head[:2], "Kampagne für Länder", *head[3:]], iso).replace("Kampagne für Länder", "Campaign").replace("Alpha", "Café"),
        plain.expected(**p),
        "cp1252",
    )
    put("plain_no_currency.csv", _plain(plain, head[:-1], iso, currency=False), plain.expected(**p, currency=None, currency_basis="unknown"))
    put("plain_slashed.csv", _plain(plain, head, lambda d: d.strftime("%d/%m/%Y")), {"status": "refused"})
    late = Rows(9, ["Alpha"], revenue=False)
    for r in late.rows:
        r["day"] = r["day"] + dt.timedelta(days=10)
    put("plain_slashed_13.csv", _plain(late, head, lambda d: d.strftime("%d/%m/%Y")), late.expected(**p))
    weekly = _csv([["Week", "Campaign", "Cost", "Clicks", "Impressions", "Currency"], ["2026-08-31", "Alpha", "10.00", "5", "100", "EUR"]])
    put("plain_weekly.csv", weekly, {"status": "refused"})
    ids = Rows(10, ["Alpha"], revenue=False)
    head_id = ["Date", "Network", "Campaign ID", *head[2:]]
    body = [
        [
            iso(r["day"]),
            "Google",
            "120253000000000001",
            r["campaign"],
            f"{r['spend']:.2f}",
            str(r["clicks"]),
            str(r["impressions"]),
            str(r["conversions"]),
            "EUR",
        ]
        for r in ids.rows
    ]
    bad = [iso(DAYS[0]), "Google", "1.20253E+17", "Alpha", "5.00", "1", "10", "0", "EUR"]
    word = [iso(DAYS[1]), "Google", "120253000000000001", "Alpha", "five", "1", "10", "0", "EUR"]
    negative = [iso(DAYS[1]), "Google", "120253000000000001", "Alpha", "5.00", "1", "-10", "0", "EUR"]
    nodate = ["yesterday", "Google", "120253000000000001", "Alpha", "5.00", "1", "10", "0", "EUR"]
    put("plain_rejects.csv", _csv([head_id, *body[:2], bad, *body[2:], word, negative, nodate]), ids.expected(**p, reject_lines=[4, 9, 10, 11]))
    na = [
        ["Date", "Network", "Campaign", "Country", "Cost", "Clicks", "Impressions", "Conversions", "Currency"],
        ["2026-09-01", "Google", "Alpha", "NA", "3.00", "2", "50", "1", "EUR"],
    ]
    same = ["2026-09-02", "Google", "Alpha", "NL", "4.00", "3", "60", "0", "EUR"]
    two = {"spend": 12.0, "impressions": 170, "clicks": 8, "conversions": 1, "revenue": None}
    put(
        "plain_namibia_and_twins.csv",
        _csv([*na, same, [*same[:4], "5.00", *same[5:]]]),
        plain.expected(**p, rows=3, sums=two, last_date="2026-09-02"),
    )
    put("plain_cut.csv", _plain(plain, head, iso)[:-31], {**plain.expected(**p), "rows": 11, "cut": True, "reject_lines": [13]})
    put("empty.csv", "", {"status": "refused"})
    put("header_only.csv", ",".join(head) + "\n", {"status": "refused"})
    put("no_export.csv", "name,email\nAnna,anna@depot.example\nBram,bram@depot.example\n", {"status": "refused"})

    book = _workbook(
        [["Campaign report"], ["1 Sept 2026 - 6 Sept 2026"], ["Day", "Campaign", "Currency code", "Clicks", "Impr.", "Cost", "Conversions"]],
        [[r["day"], r["campaign"], "EUR", r["clicks"], r["impressions"], r["spend"], r["conversions"]] for r in tiktok.rows],
    )
    put("google_book.xlsx", book, tiktok.expected(platform="Google"))
    put("google_book_renamed.csv", book, tiktok.expected(platform="Google"))
    for name in ("plain_cut.csv",):
        told = made[name][1]
        kept = plain.rows[:-1]
        told["sums"] = {n: None if n == "revenue" else round(sum(r[n] for r in kept), 2) for n in told["sums"]}
    return made


def _workbook(head: list[list[str]], body: list[list[object]]) -> bytes:
    import xlsxwriter

    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        book.set_properties({"created": dt.datetime(2026, 9, 7)})
        sheet, dates = book.add_worksheet("Report"), book.add_format({"num_format": "yyyy-mm-dd"})
        for i, line in enumerate([*head, *body]):
            for j, value in enumerate(line):
                if isinstance(value, dt.date):
                    sheet.write_datetime(i, j, dt.datetime(value.year, value.month, value.day), dates)
                else:
                    sheet.write(i, j, value)
    return stream.getvalue()


def write(folder: Path) -> None:
    """All exports and `expected.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {}
    for name, (data, expected) in sorted(files().items()):
        (folder / name).write_bytes(data)
        told[name] = expected
    (folder / "expected.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(__file__).resolve().parent.parent / "exports")
