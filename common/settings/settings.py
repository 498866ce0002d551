"""All settings as one class, and the function that loads them."""

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence

from dotenv import dotenv_values
from pydantic import ValidationError

from common.errors import InvalidSetting
from common.invalid_values import describe_invalid
from common.settings.accounts import AccountsSettings
from common.settings.base import DOTENV, PREFIX
from common.settings.database import DatabaseSettings
from common.settings.fetching import FetchingSettings
from common.settings.ingesting import IngestingSettings
from common.settings.omdb import OmdbSettings
from common.settings.server import CacheSettings, LimitSettings, LoggingSettings, ServerSettings

_CHECKED_PREFIXES = (PREFIX, "OMDB_")
"""Beginnings of the names that belong to this program, so that an unknown one is an error."""


class Settings(
    LoggingSettings,
    CacheSettings,
    LimitSettings,
    AccountsSettings,
    IngestingSettings,
    FetchingSettings,
    ServerSettings,
    OmdbSettings,
    DatabaseSettings,
):
    """Union of all settings groups."""


def setting_names() -> tuple[str, ...]:
    """Return the environment variable of every setting, grouped by topic."""
    return tuple(
        str(field.validation_alias or f"{PREFIX}{name}".upper())
        for name, field in Settings.model_fields.items()
    )


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Load the settings from the environment and from `.env` in the working directory.

    Args:
        environment: Variables whose names are checked. The values always come from the
            environment of the process.

    Raises:
        InvalidSetting: A name that starts with `MOVIES_` or `OMDB_` is unknown, or a value is
            invalid. The message is one sentence with the name of the setting, never with its value.
    """
    _refuse_unknown_names([*environment, *dotenv_values(DOTENV)])
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        reason = describe_invalid(first)
        name = str(first["loc"][0]).upper() if first["loc"] else ""
        known = setting_names()
        name = name if name in known else f"{PREFIX}{name}"
        raise InvalidSetting(
            f"{name}: {reason}." if name in known else f"{reason[:1].upper()}{reason[1:]}."
        ) from None


def _refuse_unknown_names(names: Iterable[str]) -> None:
    known = setting_names()
    for name in names:
        if name.upper().startswith(_CHECKED_PREFIXES) and name.upper() not in known:
            nearest = _find_nearest(name.upper(), known)
            raise InvalidSetting(f"{name} is not a setting; the nearest one is {nearest}.")


def _find_nearest(name: str, known: Sequence[str]) -> str:
    """Return the name without the prefix if that is known, else the most similar known name."""
    if (bare_name := name.removeprefix(PREFIX)) in known:
        return bare_name
    return difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
