"""Engines that are declared in YAML: what does not fit is refused when the file is read."""

import pytest
import yaml

from seeding_platform.components.engine import OwnEngines, load_own_engines, read_engine
from seeding_platform.errors import ConfigError
from seeding_platform_tests.distribution.test_bundle import build

CONTRACT = {
    "name": "late_orders", "title": "LateOrders", "family": "analytics", "description": "Orders of some worth.", "grain": "One order.",
    "key": ["order_id"], "format": "csv", "delivery": ["batch"], "maximum_lag_seconds": 60,
    "fields": [
        {"name": "order_id", "type": "string", "role": "key", "description": "Order"},
        {"name": "order_amount", "type": "decimal", "description": "Amount"},
    ],
}  # fmt: skip
FEED = {"table": "orders", "select": ["order_id", "amount"], "rename": {"amount": "order_amount"}, "where": "amount > 1"}


def written(tmp_path, *, contract=(), feed=(), name="late_orders", **top):
    told = {"type": "seeding_platform.components.EngineComponent", "attributes": {"contract": CONTRACT | dict(contract), "feed": FEED | dict(feed)}}
    file = tmp_path / f"{name}.yaml"
    file.write_text(yaml.safe_dump(told | top))
    return file


def test_rows_are_selected_and_renamed(tmp_path):
    declared = read_engine(written(tmp_path))
    orders = [{"order_id": f"o{n}", "amount": n} for n in range(4)]
    made = build(tmp_path, contract=declared.contract, feed=declared.as_feed(), inputs={"orders": orders})
    assert (made.path / "part-00000.csv").read_bytes() == b"order_id,order_amount\r\no2,2.00\r\no3,3.00\r\n"
    assert read_engine(written(tmp_path, feed={"where": "amount > 2"})).as_feed().told != declared.as_feed().told


@pytest.mark.parametrize(("more", "what"), [
    ({"feed": {"table": "nothing"}}, "no table 'nothing'"),
    ({"feed": {"where": "no_such > 1"}}, "no_such"),
    ({"feed": {"where": "amount >"}}, "feed"),
    ({"feed": {"select": ["order_id"], "rename": {}}}, "'order_amount' is not selected"),
    ({"feed": {"select": ["order_id", "amount", "status"]}}, "'status' is selected but is no field"),
    ({"feed": {"python": "x"}}, "python"),
    ({"feed": {"select": ["order_id", "read_csv('/etc/passwd') AS order_amount"], "rename": {}}}, "feed"),
    ({"contract": {"inputs": ["customers"]}}, "must be"),
    ({"contract": {"format": "libsvm"}}, "cannot be libsvm"),
    ({"type": "other"}, "does not start with type"),
])  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(tmp_path, more, what):
    with pytest.raises(ConfigError, match=what):
        read_engine(written(tmp_path, **more))


def test_a_name_that_ships_and_a_field_that_means_something_else_are_refused(tmp_path):
    assert load_own_engines(tmp_path / "nowhere") == OwnEngines(())
    written(tmp_path, contract={"name": "analytics"})
    (refused,) = load_own_engines(tmp_path).refused
    assert "ships with the platform" in str(refused)
    written(tmp_path, contract={"fields": [CONTRACT["fields"][0], {"name": "spend", "type": "float", "description": "Cost"}]},
            feed={"rename": {"amount": "spend"}})  # fmt: skip
    (refused,) = load_own_engines(tmp_path).refused
    assert "means something else" in str(refused)


def test_a_broken_file_is_named_and_costs_no_other(tmp_path):
    written(tmp_path)
    (tmp_path / "a_broken.yaml").write_text("type: [")
    written(tmp_path, contract={"name": "late_orders"}, name="twin")
    found = load_own_engines(tmp_path)
    assert [e.contract.name for e in found.valid] == ["late_orders"]
    assert [str(error).partition(" ")[0] for error in found.refused] == ["a_broken.yaml", "twin.yaml:"]
