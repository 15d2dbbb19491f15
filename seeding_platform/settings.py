"""One frozen settings object; the only place that reads the environment (prefix `SEEDING_`, see `.env.example`).

What people adjust while the platform runs (thresholds, schedules) is not here but in the settings store.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


def project_root() -> Path:
    """The checkout that holds this package, or the working folder when the package is installed without one."""
    checkout = Path(__file__).resolve().parent.parent
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()


class Settings(BaseSettings):
    """Where things are kept and how work is run; every field is one environment variable."""

    model_config = SettingsConfigDict(env_prefix="SEEDING_", env_file=project_root() / ".env", extra="ignore", frozen=True)

    state: Path = Field(
        default_factory=lambda: project_root() / "data" / "state", description="State database, MLflow, bundles, spool, Dagster's folders"
    )
    lake: Path = Field(default_factory=lambda: project_root() / "data" / "lake", description="Delta tables, one folder a layer")
    landing: Path = Field(default_factory=lambda: project_root() / "data" / "landing", description="Folder that is watched for new files")
    sources: Path = Field(default_factory=lambda: project_root() / "data" / "sources", description="The user's source files, one YAML each")
    engines: Path = Field(default_factory=lambda: project_root() / "data" / "engines", description="The user's own engines, one YAML each")
    policies: Path = Field(
        default_factory=lambda: project_root() / "data" / "policies", description="The user's cleaning policies, one YAML a contract"
    )
    samples: Path = Field(default_factory=lambda: project_root() / "data" / "samples", description="The shipped sample files")
    database_url: str = Field("", description="State database; default SQLite under `state`")
    mlflow_uri: str = Field("", description="MLflow tracking and registry store; default SQLite under `state`")
    executor: Literal["in_process", "processes"] = Field("in_process", description="How the steps of a run are executed")
    first_day: dt.date = Field(dt.date(2015, 1, 1), description="First daily partition")
    facts: Path | None = Field(None, description="A plain fact table (CSV or Parquet) to ask over, in place of the published snapshot")
    env: str = Field("dev", description="Name of the environment, shown in reports")
    port: int = Field(8000, ge=1, le=65535, description="Port of the service, on 127.0.0.1")
    max_upload_mb: int = Field(300, ge=1, description="Largest upload")
    requests_per_minute: int = Field(600, ge=1, description="Requests of one key in a minute; more are refused with 429")
    nlq_llm_url: str = Field("", pattern=r"^(https?://\S+)?$", description="Chat completions endpoint asked about questions that the rules refuse")
    nlq_llm_model: str = Field("default", description="Model at that endpoint")
    nlq_llm_key: SecretStr = Field(SecretStr(""), description="Bearer token of that endpoint")
    ai_url: str = Field("", pattern=r"^(https?://\S+)?$", description="Base of an API in OpenAI's form that enrichment may ask")
    ai_model: str = Field("default", description="Model at that endpoint")
    ai_key: SecretStr = Field(SecretStr(""), description="Bearer token of that endpoint")
    ai_eur_per_million_tokens: float = Field(0.0, ge=0, description="What tokens there cost, for the spend cap")
    master_key: SecretStr = Field(SecretStr(""), description="Root of all keys, 64 hex digits; default: made once in <state>/master-key")
    audit_file: Path | None = Field(None, description="Signed checkpoints of the audit log; default <state>/audit/checkpoints.jsonl")
    smtp_url: SecretStr = Field(SecretStr(""), description="Mail server: smtp://user:password@host:port, or smtps://")
    mail_from: str = Field("", description="Sender of alerts and reports")
    slack_webhook: SecretStr = Field(SecretStr(""), description="Slack's incoming webhook for alerts and reports")
    webhook_url: SecretStr = Field(SecretStr(""), description="Address that is told of alerts by a signed webhook: n8n, say")
    webhook_secret: SecretStr = Field(SecretStr(""), description="Signs what is sent there; needed with it")
    pager_key: SecretStr = Field(SecretStr(""), description="Routing key of a pager (PagerDuty's Events API v2, or what speaks it)")
    pager_url: str = Field("https://events.pagerduty.com/v2/enqueue", pattern=r"^https?://\S+$", description="Where that pager takes events")
    private_addresses: bool = Field(False, description="Whether webhooks of people may point into a private network, and use plain http")
    actions_url: SecretStr = Field(SecretStr(""), description="Address that carries out what enrichment may do without a person: n8n, say")
    actions_secret: SecretStr = Field(SecretStr(""), description="Signs what is sent there")
    hook_secret: SecretStr = Field(SecretStr(""), description="Signs calls of /api/v1/hooks; empty: hooks are refused")
    public_url: str = Field("", description="Address of the service as people reach it, for links in messages and shared pages")
    ui_port: int = Field(3000, ge=1, le=65535, description="Port of Dagster's web UI, on 127.0.0.1")
    ui_auth: Literal["auto", "on", "off"] = Field("auto", description="Whether the web UI asks for a key; auto: once there is one")
    ui_tenants: str = Field(
        "", description="Tenants whose keys may enter the web UI, comma-separated; default: all keys while only one tenant was ever known"
    )
    oidc_issuer: str = Field("", description="OpenID Connect issuer that vouches for people at the pages, just as it calls itself")
    oidc_client_id: str = Field("", description="What the issuer calls this installation")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="Its secret there; empty for a public client")
    oidc_groups: str = Field("", description="What groups mean here: group=role@tenant, several by commas")
    oidc_groups_claim: str = Field("groups", description="Where the issuer's token tells the groups")
    seed_tenants: str = Field("", description="Tenants whose rows every tenant may learn from (public or licensed data), comma-separated")
    engine_folders: Path | None = Field(None, description="Folder below which bundles may be copied for engines that read folders; default: none may")
    engine_bucket_url: str = Field("", pattern=r"^(https?://\S+)?$", description="Where buckets of engines are, in place of Amazon")
    engine_soak_minutes: float | None = Field(
        None, ge=0, description="How long a new generation is watched before it counts as good; 0: not; empty: as its family says"
    )
    min_free_mb: int = Field(200, ge=0, description="`doctor` warns and runs refuse to start below this much free disk")

    @model_validator(mode="after")
    def _absolute(self) -> Settings:
        for name in ("state", "lake", "landing", "sources", "engines", "policies", "samples"):
            path: Path = getattr(self, name)
            if not path.is_absolute():
                object.__setattr__(self, name, project_root() / path)
        if self.facts is not None and not self.facts.is_absolute():
            object.__setattr__(self, "facts", Path.cwd() / self.facts)
        return self

    def as_environment(self) -> dict[str, str]:
        """These settings as variables for a process of their own."""
        told = {name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in self.model_dump().items()}
        return {f"SEEDING_{name.upper()}": str(value) for name, value in told.items() if value is not None}

    @property
    def state_url(self) -> str:
        """SQLAlchemy URL of the state database."""
        return self.database_url or f"sqlite:///{self.state / 'state.db'}"

    @property
    def registry_url(self) -> str:
        """MLflow's tracking and registry URI."""
        return self.mlflow_uri or f"sqlite:///{self.state / 'mlflow' / 'mlflow.db'}"

    @property
    def bundles(self) -> Path:
        """Folder of the engine bundles: `<tenant>/<engine>/<content_id>/`."""
        return self.state / "bundles"

    @property
    def serving(self) -> Path:
        """Folder of the published snapshots that questions are answered from."""
        return self.state / "serving"

    @property
    def ui_tenant_names(self) -> frozenset[str]:
        """Tenants whose keys may enter the web UI."""
        return frozenset(name.strip() for name in self.ui_tenants.split(",") if name.strip())

    @property
    def seed_tenant_names(self) -> frozenset[str]:
        """Tenants whose rows every tenant may learn from."""
        return frozenset(name.strip() for name in self.seed_tenants.split(",") if name.strip())

    @property
    def checkpoints(self) -> Path:
        """File of the signed checkpoints of the audit log."""
        return self.audit_file or self.state / "audit" / "checkpoints.jsonl"

    @property
    def spool(self) -> Path:
        """Folder that keeps the bytes of every landed file, by content hash."""
        return self.state / "spool"
