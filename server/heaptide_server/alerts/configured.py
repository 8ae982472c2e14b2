"""The targets that are set: one by HEAPTIDE_WEBHOOK_*, any number by a TOML file.

[[target]]
name = "payments"
url = "https://hooks.slack.com/services/..."
format = "slack"
services = ["payments", "checkout-*"]
environments = ["production"]
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import tomllib
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlite_utils import Database

from heaptide_server.alerts.payloads import Format
from heaptide_server.alerts.targets import Given, Target, WrongKeyError, make_target
from heaptide_server.settings import Settings

NAME = "default"
MAX_FILE_BYTES = 1 << 20
MAX_TARGETS = 100
# A name stands in addresses, in logs and in tables.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")


def listed(text: str | None) -> tuple[str, ...]:
    """Texts that stand in one, separated by commas or blanks."""
    return tuple((text or "").replace(",", " ").split())


def listed_names(text: str | None) -> tuple[str, ...]:
    """Names that stand in one text, separated by commas: a name may have blanks in it."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def read_secrets(file: Path) -> tuple[str, ...]:
    """The secrets in a file, one a line, the newest first.

    Raises:
        ValueError: it can't be read or has none; to be read after the name of its key.
    """
    try:
        found = listed(_read(file))
    except ValueError as error:
        raise ValueError(f"names {file}, which {error}") from None
    if not found:
        raise ValueError(f"names {file}, which has no secret in it; write one a line, the newest first")
    return found


def load_targets(db: Database, settings: Settings) -> list[Target]:
    """All targets that are set, that of HEAPTIDE_WEBHOOK_URL first.

    Args:
        db: a connection of the caller's thread, migrated, with no transaction open.

    Raises:
        ValueError: a sentence that names what is wrong: the setting, or the file, the target and the key.
    """
    targets = [target_of_settings(db, settings)] if (settings.webhook_url or "").strip() else []
    if settings.webhook_file is None:
        return targets
    of_file = targets_of_file(db, settings.webhook_file)
    if targets and NAME in (target.name for target in of_file):
        raise ValueError(f"{settings.webhook_file}: {NAME!r} is the target of HEAPTIDE_WEBHOOK_URL; name it otherwise.")
    return targets + of_file


def target_of_settings(db: Database, settings: Settings) -> Target:
    """The target that HEAPTIDE_WEBHOOK_* set.

    Raises:
        ValueError: a sentence that names the setting.
    """
    given = Given(
        name=NAME,
        url=(settings.webhook_url or "").strip(),
        secret=listed(settings.webhook_secret.get_secret_value() if settings.webhook_secret else None),
        format=settings.webhook_format,
        services=listed_names(settings.webhook_services),
        environments=listed_names(settings.webhook_environments),
        kinds=listed_names(settings.webhook_kinds),
        allow_nets=listed(settings.webhook_allow_nets),
        allow_http=settings.webhook_allow_http,
    )
    try:
        return make_target(db, _with_secret_file(given, settings.webhook_secret_file))
    except WrongKeyError as error:
        raise ValueError(f"HEAPTIDE_WEBHOOK_{error.key.upper()} {error.text}.") from None


def targets_of_file(db: Database, file: Path) -> list[Target]:
    """The targets of a TOML file, a table `[[target]]` each.

    Raises:
        ValueError: a sentence that names the file, the target and the key, and repeats no secret.
    """
    tables = _tables(file)
    names: Counter[str] = Counter()
    targets = []
    for number, table in enumerate(tables, 1):
        label = f"target {number}"
        try:
            row = _row(table)
            label = f"target {row.name!r}"
            names[row.name] += 1
            if names[row.name] > 1:
                raise WrongKeyError("name", "stands there twice; each target needs its own")
            targets.append(make_target(db, _with_secret_file(row.given(), row.secret_path(file.parent))))
        except WrongKeyError as error:
            raise ValueError(f"{file}, {label}: {error.key} {error.text}.") from None
    return targets


class _Row(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    name: str
    url: str
    secret: str | list[str] = ""
    secret_file: str | None = None
    format: Format = "generic"
    services: list[str] = Field(default_factory=list)
    environments: list[str] = Field(default_factory=list)
    kinds: list[str] = Field(default_factory=list)
    allow_nets: list[str] = Field(default_factory=list)
    allow_http: bool = False

    def given(self) -> Given:
        """What is set, as a target is made of it."""
        return Given(
            name=self.name,
            url=self.url.strip(),
            secret=listed(self.secret if isinstance(self.secret, str) else ",".join(self.secret)),
            format=self.format,
            services=tuple(self.services),
            environments=tuple(self.environments),
            kinds=tuple(self.kinds),
            allow_nets=tuple(self.allow_nets),
            allow_http=self.allow_http,
        )

    def secret_path(self, folder: Path) -> Path | None:
        """Where the secrets are: a name without a folder is beside the TOML file."""
        return None if self.secret_file is None else folder / self.secret_file


def _row(table: Any) -> _Row:
    if not isinstance(table, dict):
        raise WrongKeyError("target", "is no table; write [[target]] above its keys")
    try:
        row = _Row.model_validate(table)
    except ValidationError as error:
        raise _wrong(error) from None
    if not _NAME.fullmatch(row.name):
        raise WrongKeyError(
            "name", "must be 1 to 60 letters, digits, '.', '_' or '-', and begin with a letter or digit"
        )
    return row


def _wrong(error: ValidationError) -> WrongKeyError:
    first = error.errors(include_input=False, include_url=False)[0]
    key = str(first["loc"][0])[:60]
    if first["type"] == "extra_forbidden":
        return WrongKeyError(repr(key), f"is no key of a target; those are {', '.join(_Row.model_fields)}")
    if first["type"] == "missing":
        return WrongKeyError(key, "is missing")
    return WrongKeyError(key, f"is wrong: {first['msg'][0].lower()}{first['msg'][1:]}")


def _with_secret_file(given: Given, file: Path | None) -> Given:
    if file is None:
        return given
    if given.secret:
        raise WrongKeyError("secret_file", "is set beside secret; set one of them")
    try:
        secrets = read_secrets(file)
    except ValueError as error:
        raise WrongKeyError("secret_file", str(error)) from None
    return Given(**{**vars(given), "secret": secrets})


def _tables(file: Path) -> list[Any]:
    try:
        found = tomllib.loads(_read(file))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file} is no TOML: {error}.") from None
    except RecursionError:
        raise ValueError(f"{file} is nested too deeply for a file of targets.") from None
    except ValueError as error:
        raise ValueError(f"The file of webhooks {file} {error}.") from None
    if unknown := [key for key in found if key != "target"]:
        raise ValueError(f"{file} has {unknown[0][:60]!r} at its top; it holds [[target]] tables alone.")
    tables = found.get("target", [])
    if not isinstance(tables, list) or not 0 < len(tables) <= MAX_TARGETS:
        raise ValueError(f"{file} must have 1 to {MAX_TARGETS} targets; write [[target]] above each one's keys.")
    return tables


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # a name with a null byte is a ValueError
        raise ValueError(f"can't be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > MAX_FILE_BYTES:
        raise ValueError(f"is larger than {MAX_FILE_BYTES >> 20} MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("isn't UTF-8 text") from None
