"""Figures of a tenant's models in the text format of Prometheus, one series a model; a figure without a value is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from seeding_platform.storage.ml.whose import PRODUCTION

if TYPE_CHECKING:
    from seeding_platform.service.context import Service

FROM_JOBS = {
    "active": ("seeding_model_active_jobs", "Trainings that wait or are under way"),
    "success_rate": ("seeding_model_training_success_rate", "Share of trainings that ended well among those that ended well or failed"),
    "average_improvement": ("seeding_model_average_improvement", "Mean gain of deployed versions over what served before, larger is better"),
}
FROM_DATA = {
    "completeness": ("seeding_model_training_data_completeness", "Share of features with a value among the rows of the newest training"),
    "distinct_rows": ("seeding_model_training_data_rows", "Rows with a label that differ, of the newest training"),
    "good": ("seeding_model_training_data_good", "Whether they were enough to train on"),
}
DATA_LOOKED_AT = 200


def model_metrics(service: Service, tenant: str) -> bytes:
    """What a scraper reads of a tenant's models.

    Args:
        service: whose state database.
        tenant: whose models.
    """
    registry = CollectorRegistry()
    told = {name: Gauge(*described, ["tenant", "model"], registry=registry) for name, described in {**FROM_JOBS, **FROM_DATA}.items()}
    for row in service.bench.jobs.stats(tenant=tenant):
        for name in FROM_JOBS:
            if row["environment"] == PRODUCTION and row[name] is not None:
                told[name].labels(tenant, row["model"]).set(float(row[name]))
    newest = {d.whose.model: d for d in reversed(service.bench.standings.training_data(tenant=tenant, limit=DATA_LOOKED_AT))}
    for model, data in newest.items():
        for name in FROM_DATA:
            value = getattr(data, name)
            if value is not None:
                told[name].labels(tenant, model).set(float(value))
    return generate_latest(registry)
