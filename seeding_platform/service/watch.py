"""What the service does while nobody asks: tells pages what happened, seals the audit log, judges alerts, sends what is due.

Several services may do so at once: events and messages carry a mark of their occasion and are kept once.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from typing import TYPE_CHECKING

from seeding_platform.analytics.keeping import Alert, Report
from seeding_platform.analytics.watching import alert_said, alert_state, report_text
from seeding_platform.errors import BusyError, SeedingError
from seeding_platform.governance.alarms import audit_alarm, deadline_alarms
from seeding_platform.governance.subject_rights.requests import CARRIED
from seeding_platform.monitoring.alert import Alert as Raised
from seeding_platform.monitoring.events import emit
from seeding_platform.service.people import people
from seeding_platform.service.runs import UNFINISHED
from seeding_platform.service.withheld import texts_told
from seeding_platform.storage import snapshots
from seeding_platform.storage.live import Message
from seeding_platform.storage.locks import exclusive
from seeding_platform.storage.tenants import Tenants

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeding_platform.service.context import Service
    from seeding_platform.storage.kept import Item

log = logging.getLogger("seeding.service")
EVERY_S = 2.0
SLOW_EVERY = 15
RUNS_LOOKED_AT = 5
VERIFIED_EVERY = dt.timedelta(days=1)
LIMIT = "kpi.limit"
"""The rule by which a passed limit of a person's is raised."""
OPERATORS = {">": "above", ">=": "at-least", "<": "below", "<=": "at-most", "=": "equal-to"}


def limit_subject(item: Item) -> str:
    """What names a limit that a person set, at its version: another limit is another alert."""
    return f"alert-rule/{item.item_id}@{item.version}"


class Watch:
    """A thread that looks every two seconds, and every half minute at what takes longer.

    Args:
        service: whose facts, runs and people.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._judged: str | None = None

    def start(self) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _look(self) -> None:
        rounds = 0
        while not self._ending.wait(EVERY_S):
            try:
                self.happened()
                if rounds % SLOW_EVERY == 0:
                    self.due()
            except Exception:  # the next round looks again; a watch that died silently would watch nothing
                log.exception("a round of the watch failed")
            rounds += 1

    def happened(self) -> None:
        """Tell what is new: the snapshot in force and the newest runs."""
        live, now = self.service.live, self.service.now()
        name = snapshots.current(self.service.settings.serving)
        if name is not None:
            live.tell("snapshot", name, {"snapshot": name}, now=now)
        for run in self.service.runs.recent(limit=RUNS_LOOKED_AT):
            done = sum(s.done for s in run.stages)
            told = {"run_id": run.run_id, "status": run.status, "done": done, "planned": sum(s.planned for s in run.stages)}
            new = live.tell("run", f"{run.run_id}:{run.status}:{done}", told, now=now)
            if new and run.status not in UNFINISHED:
                facts = {"run_id": run.run_id, "job": run.job, "status": run.status}
                emit(self.service.state, "run.finished", "", facts, now=now, mark=run.run_id)

    def due(self) -> None:
        """Seal the audit log, raise alerts (those about figures when the facts changed), write reports whose time has come, send what waits."""
        service = self.service
        for work in (lambda: service.trail.seal(now=service.now()), self.verify_daily, self.answer_people, self.alarms):
            try:
                work()
            except Exception:  # what follows is somebody else's; an alert must still go out
                log.exception("sealing, answering people or raising alerts failed")
        name = snapshots.current(service.settings.serving)
        alerts = service.kept.all("alert")
        marks = f"{name}|{[(a.item_id, a.version) for a in alerts]}"
        if marks != self._judged:
            for item in alerts:
                self._each(self._alert, item)
            self._forgotten(alerts)
            self.learn()
            self._judged = marks
        tenants = Tenants(service.state)
        for item in service.kept.all("report"):
            if tenants.of(item.tenant).served:  # a suspended one gets no pile of reports when it is served again
                self._each(self._report, item)
        service.delivery.send_due(now=service.now())

    def alarms(self) -> None:
        """Raise and clear what does not hang on figures, and take up what time brings."""
        service, now = self.service, self.service.now()
        desk = service.desk
        audit_alarm(desk, service.trail, now=now)
        deadline_alarms(desk, service.state, now=now)
        desk.due(now=now)

    def verify_daily(self) -> None:
        """Verify the audit log where nobody has for a day; what is found stands in it, and a broken log is told of on the overview."""
        now, last = self.service.now(), self.service.trail.last_verified()
        if last is None or now - last.event.at >= VERIFIED_EVERY:
            self.service.trail.verified(actor="service", now=now)

    def answer_people(self) -> None:
        """Carry out what people ask for and waits; while a run holds the lock it waits on."""
        if any(run.status == "running" for run in self.service.runs.recent(limit=RUNS_LOOKED_AT)):
            return  # a run may write what is being erased
        rights = people(self.service.settings, self.service.state, now=self.service.now)
        for request in (r for kind in CARRIED for r in rights.kept.open(kind)):
            if rights.waits(request):
                continue
            try:
                with exclusive(self.service.settings.state / "seeding.lock", holder="a request of a person"):
                    rights.carry_out(request)
            except BusyError:
                return
            except Exception as error:  # it stays open, and its deadline runs; the others are somebody else's
                log.error("request %s could not be carried out: %s", request.request_id, type(error).__name__)

    def _each(self, work: Callable[[Item], None], item: Item) -> None:
        """One alert or report; what cannot be judged is in the log and holds no other."""
        try:
            work(item)
        except Exception:  # the others are somebody else's; a message that waits must still go out
            log.exception("%s %s of tenant %s could not be judged", item.kind, item.item_id, item.tenant)

    def learn(self) -> None:
        """Work out what is worth telling about each tenant's facts, so that no page waits for it."""
        for tenant in sorted({key.tenant for key in self.service.api.all_keys()}):
            try:
                self.service.findings(self.service.facts(tenant), wait=True)
            except SeedingError:
                continue  # no facts of this tenant yet

    def _alert(self, item: Item) -> None:
        """Judge the limit that somebody set: passed it is an alert, told by the channel that they chose; back within it that ends by itself."""
        rule, now, desk = Alert.model_validate(item.body), self.service.now(), self.service.desk
        try:
            state = alert_state(rule, self.service.facts(item.tenant))
        except SeedingError:
            return  # no facts of this tenant: nothing is passed
        if not state.holds:
            if state.value is not None:
                desk.clear(LIMIT, item.tenant, limit_subject(item), now=now)
            return
        title, says = texts_told(alert_said(rule, state))
        evidence = {
            "metric": rule.metric, "operator": OPERATORS[rule.operator], "limit": rule.value, "value": state.value, "days": rule.days,
            "end": state.window.end, "since": state.since,
        }  # fmt: skip
        channels = () if rule.channel == "none" else (f"{rule.channel} {rule.target}".strip(),)
        raised = Raised(
            rule=LIMIT, tenant=item.tenant, subject=limit_subject(item), evidence=evidence, title=title, says=says.strip(), channels=channels
        )
        desk.raise_(raised, now=now)

    def _forgotten(self, items: list[Item]) -> None:
        """End the alerts about limits that somebody changed or removed."""
        desk, standing = self.service.desk, {(i.tenant, limit_subject(i)) for i in items}
        for alert in desk.alerts.standing(rule=LIMIT):
            if (alert.tenant, alert.subject) not in standing:
                desk.clear(LIMIT, alert.tenant, alert.subject, now=self.service.now())

    def _report(self, item: Item) -> None:
        report, now = Report.model_validate(item.body), self.service.now()
        due = report.due(now)
        if due <= item.written_at:
            return
        mark = f"report:{item.item_id}:{due.isoformat()}"
        if self.service.live.is_sent(mark, tenant=item.tenant):
            return
        try:
            text = report_text(report, self.service.facts(item.tenant))
        except SeedingError as error:
            text = f"{error}\n"
        self._send(item, report.channel, report.target, report.title, text, mark)

    def _send(self, item: Item, channel: str, target: str, subject: str, body: str, mark: str) -> None:
        url = self.service.settings.public_url
        message = Message(
            message_id=self.service.new_id(12), tenant=item.tenant, channel=channel, target=target, subject=subject,
            body=f"{body}\n{url}" if url else body, created_at=self.service.now(),
        )  # fmt: skip
        self.service.live.send(message, mark=mark)
