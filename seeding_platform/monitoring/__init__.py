"""One engine of alerts: rooms raise them, and only this room says them once, keeps them, and tells people and other systems.

desk = AlertDesk(state, settings)
desk.raise_(Alert(rule="model.below_floor", tenant="acme", subject="model/churn", evidence={"metric": "auc", "value": 0.61, "floor": 0.7}), now=now)
desk.clear("model.below_floor", "acme", "model/churn", now=now)
emit(state, "model.deployed", "acme", {"model": "churn", "version": 7}, now=now)
"""

from seeding_platform.monitoring.alert import Alert, Severity
from seeding_platform.monitoring.desk import AlertDesk
from seeding_platform.monitoring.events import EVENTS, emit
from seeding_platform.monitoring.rules import RULES, Rule

__all__ = ["EVENTS", "RULES", "Alert", "AlertDesk", "Rule", "Severity", "emit"]
