"""The sensor behind alerts: what comes due is raised or told, and what waits in the outbox is sent, also while no service is up."""

import dagster as dg

from seeding_platform.defs.platform import Platform

SECONDS = 20.0
"""How long a tick sends: a sensor that takes a minute is stopped."""


@dg.sensor(
    name="alerts",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Alerts about the audit log and about deadlines, reminders and ended mutes; sends the messages that wait. Starts no run.",
)
def alerts_sensor(platform: dg.ResourceParam[Platform]) -> dg.SkipReason:
    """Raise, clear and tell; says what was done."""
    from seeding_platform.governance.alarms import audit_alarm, deadline_alarms
    from seeding_platform.monitoring.delivery import Delivery

    now, desk = platform.now(), platform.desk
    audit_alarm(desk, platform.trail, now=now)
    deadline_alarms(desk, platform.state, now=now)
    told = desk.due(now=now)
    sent = Delivery(platform.state, platform.settings).send_due(now=now, seconds=SECONDS)
    return dg.SkipReason(f"{told} alerts told of, {sent} messages sent")
