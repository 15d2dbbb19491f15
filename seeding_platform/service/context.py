"""What every route shares: settings, the state database, the clock, the cache of answers."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from seeding_platform.analytics.findings import findings
from seeding_platform.analytics.language import asked
from seeding_platform.analytics.metrics import OwnRatio, know
from seeding_platform.analytics.serving import facts_in_force, model_of
from seeding_platform.enrichment.house import House
from seeding_platform.errors import SeedingError
from seeding_platform.governance.audit import Trail
from seeding_platform.models.operations.bench import Bench
from seeding_platform.models.operations.serving import Predictor
from seeding_platform.models.registry import Registry
from seeding_platform.monitoring.delivery import Delivery
from seeding_platform.monitoring.desk import AlertDesk
from seeding_platform.service.delivering import Delivering
from seeding_platform.service.issuer import Issuer, http_client
from seeding_platform.service.membership import Memberships
from seeding_platform.service.runs import NoRuns
from seeding_platform.service.sessions import Sessions, session_secret
from seeding_platform.storage.api_state import ApiState
from seeding_platform.storage.kept import Kept
from seeding_platform.storage.lake import Lake
from seeding_platform.storage.live import Live
from seeding_platform.storage.person_sessions import PersonSessions
from seeding_platform.storage.state import State
from seeding_platform.storage.tenants import Tenants

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeding_platform.analytics.facts import Known
    from seeding_platform.analytics.findings import Finding
    from seeding_platform.analytics.language.model import LanguageModel
    from seeding_platform.catalog.ports import TableRestorer
    from seeding_platform.service.runs import RunGateway
    from seeding_platform.settings import Settings
    from seeding_platform.storage.tenants import Tenant

CACHE_BYTES = 64_000_000
TENANTS_HELD_S = 2.0
"""How long a quota or a suspension that another process of the service set may go unseen here."""
RATIOS_HELD_S = 2.0
"""How long what another process of the service defined may go unseen here."""


class AnswerCache:
    """Answers as bytes, the least recently asked for dropped first; two who ask the same at once wait for one answer.

    Args:
        most_bytes: size of all answers together.
    """

    def __init__(self, most_bytes: int = CACHE_BYTES) -> None:
        self.most_bytes = most_bytes
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()
        self._working: dict[str, threading.Lock] = {}
        self.hits = 0
        self.misses = 0

    def get(self, key: str, make: Callable[[], bytes]) -> bytes:
        """The answer of a key, made once."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                self.hits += 1
                return self._held[key]
            turn = self._working.setdefault(key, threading.Lock())
        with turn:
            with self._lock:
                if key in self._held:
                    self.hits += 1
                    return self._held[key]
            made = make()
            with self._lock:
                self.misses += 1
                self._held[key] = made
                self._size += len(made)
                self._working.pop(key, None)
                while self._size > self.most_bytes and len(self._held) > 1:
                    self._size -= len(self._held.popitem(last=False)[1])
            return made


@dataclass
class Service:
    """What routes are given.

    Args:
        settings: where things are kept.
        now: the clock.
        new_id: an unguessable id.
        inherited: environment of processes that it starts.
        limit_per_minute: requests of one key.
        runs: whoever keeps the runs.
        restorer: whoever puts an old version of a table in force.
    """

    settings: Settings
    now: Callable[[], dt.datetime]
    new_id: Callable[[int], str]
    inherited: Mapping[str, str] = field(default_factory=dict)
    limit_per_minute: int = 600
    runs: RunGateway = field(default_factory=NoRuns)
    restorer: TableRestorer | None = None
    _findings: dict[tuple[str, str], list[Finding]] = field(default_factory=dict)
    _findings_turn: threading.Lock = field(default_factory=threading.Lock)
    _tenants: dict[str, tuple[float, Tenant]] = field(default_factory=dict)
    _ratios: dict[str, tuple[float, tuple[OwnRatio, ...], str]] = field(default_factory=dict)
    cache: AnswerCache = field(default_factory=AnswerCache)

    @cached_property
    def state(self) -> State:
        """The state database."""
        self.settings.state.mkdir(parents=True, exist_ok=True)
        return State.open(self.settings.state_url)

    @cached_property
    def api(self) -> ApiState:
        """Keys, repeated requests, uploads."""
        return ApiState(self.state)

    @cached_property
    def kept(self) -> Kept:
        """What people keep."""
        return Kept(self.state)

    @cached_property
    def live(self) -> Live:
        """Events and messages."""
        return Live(self.state)

    @cached_property
    def trail(self) -> Trail:
        """The audit log."""
        return Trail(self.settings, self.state)

    @property
    def desk(self) -> AlertDesk:
        """Where alerts are raised, cleared and acted on."""
        return AlertDesk(self.state, self.settings)

    @property
    def delivery(self) -> Delivery:
        """Whoever empties the outbox."""
        return Delivery(self.state, self.settings)

    @cached_property
    def delivering(self) -> Delivering:
        """The delivery to engines."""
        return Delivering(self)

    @cached_property
    def bench(self) -> Bench:
        """What work on models shares."""
        registry = Registry(self.settings.registry_url, self.settings.state / "mlflow" / "artefacts")
        return Bench(self.settings, self.state, registry, self.trail.log, lambda: self.now(), lambda: self.new_id(12))

    @cached_property
    def predictor(self) -> Predictor:
        """Answers questions that models are asked."""
        return Predictor(self.bench)

    @property
    def enrichment(self) -> House:
        """What work on enrichment shares, new each time: it asks the versions that are in force now. Records are worked on in runs, not by it."""
        return House(self.bench, random.Random(self.new_id(8)), "service")  # noqa: S311  it spreads retries

    @cached_property
    def lake(self) -> Lake:
        """The tables."""
        return Lake(self.settings.lake)

    @cached_property
    def model(self) -> LanguageModel | None:
        """The language model behind the rules."""
        return model_of(self.settings)

    @cached_property
    def limiter(self) -> MovingWindowRateLimiter:
        """Counts the requests of each key."""
        return MovingWindowRateLimiter(MemoryStorage())

    @cached_property
    def limit(self) -> RateLimitItemPerMinute:
        """How many requests a key may make."""
        return RateLimitItemPerMinute(self.limit_per_minute)

    @cached_property
    def session_secret(self) -> bytes:
        """Signs sessions and links."""
        return session_secret(self.settings.state, self.new_id)

    @cached_property
    def sessions(self) -> Sessions:
        """Who a key or a cookie speaks for."""
        return Sessions(self.api, self.session_secret, self.now, PersonSessions(self.state), lambda tenant: not self.tenant_of(tenant).served)

    @cached_property
    def vouching(self) -> tuple[Issuer, Memberships] | None:
        """Who vouches for people without a key, and what their groups mean here; None where that is not set.

        Raises:
            ConfigError: the settings of it are incomplete or wrong.
        """
        s = self.settings
        if not s.oidc_issuer:
            return None
        secret = s.oidc_client_secret.get_secret_value()
        issuer = Issuer(s.oidc_issuer, s.oidc_client_id, secret, s.oidc_groups_claim, self.now, http_client)
        return issuer, Memberships.parsed(s.oidc_groups)

    def tenant_of(self, tenant: str) -> Tenant:
        """A tenant with its quota and whether it is served."""
        seen, found = self._tenants.get(tenant, (0.0, None))
        if found is None or time.monotonic() - seen > TENANTS_HELD_S:
            found = Tenants(self.state).of(tenant)
            self._tenants[tenant] = (time.monotonic(), found)
        return found

    def forget_tenant(self, tenant: str) -> None:
        """A tenant was changed here: look again at once."""
        self._tenants.pop(tenant, None)

    def pseudonym(self, subject: str) -> str:
        """What somebody whom the issuer vouches for is called on record: always the same, and of no use without the root key."""
        told = f"{self.settings.oidc_issuer}\x00{subject}".encode("utf-8", "surrogatepass")
        return "person-" + hashlib.blake2b(told, key=self.trail.keys.derived("person"), digest_size=12).hexdigest()

    def warm(self) -> None:
        """Do once, before anybody waits, what the first question would have to wait for."""
        _ = self.vouching  # wrong settings of it end the start, not somebody's sign-in
        for tenant in {key.tenant for key in self.api.all_keys()}:
            try:
                asked("spend", self.facts(tenant))
            except SeedingError:
                continue  # no facts of this tenant yet: whoever asks is told so

    def facts(self, tenant: str) -> Known:
        """The facts of a tenant that are in force; the ratios that it defined are known from here on in this request."""
        return self.facts_and_ratios(tenant)[0]

    def facts_and_ratios(self, tenant: str) -> tuple[Known, str]:
        """`facts`, and the versions of the tenant's ratios, on which answers depend as well."""
        versions = self.know_ratios(tenant)
        return facts_in_force(self.settings, tenant=tenant), versions

    def know_ratios(self, tenant: str) -> str:
        """Make the ratios that a tenant defined known in this request; returns their versions."""
        seen, ratios, versions = self._ratios.get(tenant, (0.0, (), ""))
        if time.monotonic() - seen > RATIOS_HELD_S or not seen:
            items = self.kept.all("ratio", tenant=tenant)
            ratios = tuple(OwnRatio.model_validate(i.body) for i in items)
            versions = ",".join(f"{i.item_id}@{i.version}" for i in items)
            self._ratios[tenant] = (time.monotonic(), ratios, versions)
        know(ratios)
        return versions

    def findings(self, facts: Known, *, wait: bool) -> list[Finding] | None:
        """What is worth telling about a tenant's facts; worked out once for a snapshot.

        Args:
            facts: the tenant's facts in force.
            wait: work it out now (seconds); else None when nobody has yet.
        """
        key = (facts.tenant, facts.snapshot.id)
        if key in self._findings or not wait:
            return self._findings.get(key)
        with self._findings_turn:
            found = self._findings.get(key)
            if found is None:
                found = findings(facts)
                self._findings = {k: v for k, v in self._findings.items() if k[0] != facts.tenant} | {key: found}
        return found

    def forget_ratios(self, tenant: str) -> None:
        """A ratio was defined or removed: look again at once."""
        self._ratios.pop(tenant, None)


def etag_of(*parts: str) -> str:
    """A strong ETag of what an answer depends on."""
    return '"' + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32] + '"'
