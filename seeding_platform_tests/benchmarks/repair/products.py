"""A made table of products with slips planted in it, and the rules that its keeper would declare."""

from __future__ import annotations

import random

import polars as pl

RULES = [
    {"name": "sku_in_capitals", "kind": "format", "column": "sku", "case": "upper"},
    {"name": "price_as_number", "kind": "format", "column": "price", "number": True, "decimals": 2},
    {"name": "category_known", "kind": "snap", "column": "category", "dictionary": ["Garden", "Kitchen", "Lighting", "Sports", "Toys", "Textiles"]},
    {"name": "brand_spelt", "kind": "snap", "column": "brand"},
    {"name": "sku_has_brand", "kind": "fd", "column": "brand", "determinant": ["sku"]},
    {"name": "sku_has_category", "kind": "fd", "column": "category", "determinant": ["sku"]},
]
_SYLLABLES = ("bra", "vel", "tor", "min", "ka", "sol", "ner", "wi", "dex", "lu", "pan", "fo", "rix", "ste", "gum")


def products(rows: int, seed: int, *, slips: float = 0.05) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Truth and the same rows with slips in this share of the cells of brand, category, price and sku."""
    dice = random.Random(seed)
    brands = sorted({"".join(dice.choice(_SYLLABLES) for _ in range(dice.randint(2, 4))).title() for _ in range(40)})
    categories = RULES[2]["dictionary"]
    shelf = [(f"SKU-{n:04d}", dice.choice(brands), dice.choice(categories)) for n in range(max(2, rows // 12))]
    truth = [(*dice.choice(shelf), f"{dice.randint(1, 900)}.{dice.choice(['5', '25', '99'])}") for _ in range(rows)]
    dirty = [tuple(_slip(value, i, dice, shelf) if dice.random() < slips else value for i, value in enumerate(row)) for row in truth]
    names = ["sku", "brand", "category", "price"]
    return tuple(pl.DataFrame(table, schema=names, orient="row") for table in (truth, dirty))


def _slip(value: str, column: int, dice: random.Random, shelf: list) -> str | None:
    if column == 0:
        return value.lower() if dice.random() < 0.7 else dice.choice(shelf)[0]
    if column == 3:
        return f"€ {value}0" if dice.random() < 0.5 else f"{value}000"
    kind = dice.random()
    if kind < 0.2:
        return None
    if kind < 0.4:
        return dice.choice(shelf)[column]
    at = dice.randrange(1, len(value))
    letter = dice.choice("aeiknrst")
    return dice.choice(
        (value[:at] + value[at + 1 :], value[:at] + letter + value[at:], value[: at - 1] + value[at : at + 1] + value[at - 1] + value[at + 1 :])
    )
