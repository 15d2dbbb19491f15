"""Tables follow their inputs; what fails is tried again at the next quarter of an hour and not at once, for ever."""

import datetime as dt

import dagster as dg
import pytest

from seeding_platform.defs.automation import follow_upstream

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")
NOON = dt.datetime(2026, 3, 1, 12, 1, 30, tzinfo=dt.UTC)


class Followed:
    """An asset that follows another, evaluated before, while and after it runs, as the daemon does."""

    def __init__(self, instance: dg.DagsterInstance, *, fails: bool) -> None:
        self.instance, self.cursor, self.now, self.runs = instance, None, NOON, 0
        followed = self

        @dg.asset
        def above() -> int:
            return 1

        @dg.asset(deps=[above], automation_condition=follow_upstream())
        def below() -> int:
            followed.wants()
            if fails:
                raise ValueError("it fails")
            return 2

        self.assets = [above, below]

    def wants(self) -> bool:
        told = dg.evaluate_automation_conditions(
            dg.Definitions(assets=self.assets), instance=self.instance, cursor=self.cursor, evaluation_time=self.now
        )
        self.cursor = told.cursor
        return told.total_requested > 0

    def above_changes(self) -> None:
        dg.materialize(self.assets, selection=["above"], instance=self.instance)

    def minutes(self, number: int) -> int:
        """Let time pass, an evaluation a minute; how many runs that made."""
        before = self.runs
        for _ in range(number):
            self.now += dt.timedelta(minutes=1)
            if self.wants():
                self.runs += 1
                dg.materialize(self.assets, selection=["below"], instance=self.instance, raise_on_error=False)
        return self.runs - before


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def test_what_fails_is_tried_again_four_times_an_hour(instance):
    followed = Followed(instance, fails=True)
    followed.above_changes()
    assert followed.minutes(5) == 1
    assert followed.minutes(60) == 4


def test_what_succeeds_runs_once_a_change(instance):
    followed = Followed(instance, fails=False)
    followed.above_changes()
    assert followed.minutes(40) == 1
    followed.above_changes()
    assert followed.minutes(40) == 1
