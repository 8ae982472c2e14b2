"""The collector's settings: an argument of `heaptide serve`, then `HEAPTIDE_*` in the environment, then the default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from heaptide_dashboards.sources import checked_template

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Settings(BaseSettings):
    """Everything that can be set. The variable's name is the field's in capitals after `HEAPTIDE_`: `HEAPTIDE_PORT`."""

    model_config = SettingsConfigDict(env_prefix="HEAPTIDE_", extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on. Other than loopback only with both tokens set.")
    port: int = Field(8787, ge=0, le=65535, description="Port to listen on; 0 takes any free one.")
    db: Path = Field(Path("heaptide.db"), description="The SQLite file; made when it isn't there.")
    base_url: str | None = Field(
        None, description="How people reach this collector, for links in alerts; http://HOST:PORT when it isn't set."
    )

    ingest_token: SecretStr | None = Field(
        None, description="Token that agents must send. A text, or sha256:<hex> of it so that it isn't kept here."
    )
    ingest_tokens: SecretStr | None = Field(None, description="Several such tokens, separated by commas (rotation).")
    ingest_token_file: Path | None = Field(None, description="File with such tokens, one a line.")
    read_token: SecretStr | None = Field(
        None, description="Token for the HTTP API, and the password with which a browser logs in (any user name)."
    )
    read_tokens: SecretStr | None = Field(None, description="Several such tokens, separated by commas.")
    read_token_file: Path | None = Field(None, description="File with such tokens, one a line.")

    raw_s: Seconds = Field(DAY_S, ge=HOUR_S, description="How long raw reports are kept, in seconds (24 h).")
    five_minutes_s: Seconds = Field(7 * DAY_S, ge=DAY_S, description="How long 5 min rollups are kept (7 d).")
    hours_s: Seconds = Field(90 * DAY_S, ge=2 * DAY_S, description="How long 1 h rollups and totals are kept (90 d).")
    days_s: Seconds = Field(730 * DAY_S, ge=7 * DAY_S, description="How long 1 d rollups and ended workers are kept.")

    trend_interval_s: Seconds = Field(
        30, ge=0.1, description="Seconds between two looks at the trends; the smallest interval of your agents fits."
    )
    delivery_interval_s: Seconds = Field(5, ge=0.1, description="Seconds between two deliveries of due alerts.")

    webhook_url: str | None = Field(None, description="Where alerts are sent; unset means none are sent.")
    webhook_secret: SecretStr | None = Field(
        None,
        description="Signs alerts by Standard Webhooks; whsec_ and base64, several by commas while one is being "
        "rotated, newest first. Made and kept when it isn't set.",
    )
    webhook_secret_file: Path | None = Field(None, description="File with such secrets, one a line, newest first.")
    webhook_format: Literal["generic", "alertmanager", "slack", "pagerduty"] = Field(
        "generic", description="Whose language alerts speak; pagerduty takes its key from HEAPTIDE_WEBHOOK_SECRET."
    )
    webhook_allow_http: bool = Field(False, description="Alerts may go over plain http beyond this machine.")
    webhook_allow_nets: str = Field(
        "", description="Private networks that alerts may go to, as CIDR separated by commas: 127.0.0.0/8,10.0.0.0/8."
    )
    webhook_services: str = Field(
        "",
        description="Services whose leaks are told, separated by commas, or patterns such as team-*; unset means all.",
    )
    webhook_environments: str = Field("", description="Environments whose leaks are told, likewise.")
    webhook_kinds: str = Field("", description="Kinds of leaks that are told, likewise: site, objects, native, check.")
    webhook_file: Path | None = Field(
        None, description="TOML file with further targets of alerts, each a [[target]] with a name and these keys."
    )
    webhook_group_s: float = Field(
        30.0, ge=0, le=HOUR_S, description="How long an alert waits for others of its service; 0 sends each alone."
    )
    webhook_repeat_s: float = Field(
        DAY_S,
        ge=0,
        le=365 * DAY_S,
        description="After how long an open leak, or a critical finding, is told again (24 h); 0 never does.",
    )
    source_url: str | None = Field(
        None,
        description="Where a line's source is on the web, for links on a leak's page: "
        "https://git.example/shop/blob/{release}/{path}#L{line}.",
    )
    deliveries_s: Seconds = Field(30 * DAY_S, ge=HOUR_S, description="How long sent and dead alerts are kept (30 d).")

    @field_validator("source_url")
    @classmethod
    def _leads_to_the_web(cls, template: str | None) -> str | None:
        return checked_template(template) if template else None

    @property
    def address(self) -> str:
        """The collector's own address, as a browser on this machine reaches it."""
        if self.base_url:
            return self.base_url.rstrip("/")
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"
