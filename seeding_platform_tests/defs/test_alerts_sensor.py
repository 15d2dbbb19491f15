"""The sensor behind alerts: what comes due is raised and told, and what waits is sent, without a service and without a run."""

import datetime as dt

import dagster as dg

from seeding_platform.defs.maintenance.alerts import alerts_sensor
from seeding_platform.defs.platform import Platform
from seeding_platform.monitoring import Alert
from seeding_platform.storage.privacy import PrivacyRequest, PrivacyState
from seeding_platform_tests.monitoring.conftest import outside

__all__ = ["outside"]


def test_deadlines_are_raised_and_messages_sent(place, outside):
    from pydantic import SecretStr

    platform = Platform(place.settings.model_copy(update={"slack_webhook": SecretStr(f"{outside.url}/slack")}))
    now = platform.now()
    PrivacyState(platform.state).add(
        PrivacyRequest(
            request_id="r1", tenant="t", kind="erase", state="received", subject="p", sealed=None, actor="k", received_at=now,
            due_at=now + dt.timedelta(days=2),
        )
    )  # fmt: skip
    platform.desk.raise_(Alert(rule="model.drift", tenant="t", subject="model/churn"), now=now)
    with dg.build_sensor_context(resources={"platform": platform}) as context:
        done = alerts_sensor(context)
    assert isinstance(done, dg.SkipReason)
    assert "2 messages sent" in done.skip_message
    assert {a.rule for a in platform.desk.alerts.standing()} == {"model.drift", "privacy.deadline"}
    assert len(outside.to("/slack")) == 2
