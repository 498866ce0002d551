"""Base class of all settings, and value types shared by several groups."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.errors import InvalidSetting
from common.invalid_values import pattern_with
from common.rates import RATE

PREFIX = "MOVIES_"
DOTENV = Path(".env")


class SettingsGroup(BaseSettings):
    """Settings of one topic. Immutable; secrets are masked in `repr`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=DOTENV,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )


def read_switch(value: object) -> object:
    """Return `on` or `off` for the usual spellings of both; other text in lower case."""
    words = {"1": "on", "true": "on", "yes": "on", "0": "off", "false": "off", "no": "off"}
    return words.get(value.lower(), value.lower()) if isinstance(value, str) else value


Switch = Annotated[Literal["on", "off"], BeforeValidator(read_switch)]
RateText = Annotated[str, Field(pattern=pattern_with("60/minute, or off", f"^({RATE.pattern})$"))]


def read_secret(value: SecretStr | None, path: Path | None, name: str) -> str | None:
    """Return a secret from its file if `path` is set, else from `value`; `None` without both.

    `name` is that of the setting with the path, for error messages.

    Raises:
        InvalidSetting: The file cannot be read or is empty.
    """
    if path is None:
        return value.get_secret_value() if value else None
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise InvalidSetting(f"{name}: the file cannot be read; check its path.") from None
    if not secret:
        raise InvalidSetting(f"{name}: the file is empty; it must contain the secret.")
    return secret
