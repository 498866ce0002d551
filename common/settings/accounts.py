"""Settings of API keys and access tokens."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from common.errors import InvalidSetting
from common.settings.base import SettingsGroup, read_secret

JWT_SECRET_MIN_BYTES = 32


class AccountsSettings(SettingsGroup):
    """API keys and the secrets that sign access tokens."""

    api_key_grace_seconds: Annotated[int, Field(ge=0, le=2_592_000)] = 86_400
    """Seconds for which the old secret of a rotated API key stays valid, 0 to 2,592,000 (30 days);
    0 invalidates it at once."""

    jwt_secret: SecretStr | None = None
    """Secret that signs access tokens, at least 32 bytes, such as the output of
    `openssl rand -base64 48`; if unset, the service generates one and stores it in the database.
    To rotate, put the new secret before the old one, separated by a space: the first signs, all
    are accepted."""

    jwt_secret_file: Path | None = None
    """Path of a file that contains the value of `MOVIES_JWT_SECRET`; set only one of the two."""

    @model_validator(mode="after")
    def _require_one_jwt_secret(self) -> Self:
        if self.jwt_secret is not None and self.jwt_secret_file is not None:
            raise ValueError("set MOVIES_JWT_SECRET or MOVIES_JWT_SECRET_FILE, not both")
        return self

    def read_jwt_secrets(self) -> tuple[bytes, ...]:
        """Return the configured secrets for access tokens, the signing one first; may be empty.

        Raises:
            InvalidSetting: The file cannot be read or is empty, or a secret is too short.
        """
        text = read_secret(self.jwt_secret, self.jwt_secret_file, "MOVIES_JWT_SECRET_FILE")
        secrets = tuple(part.encode() for part in (text or "").split())
        if any(len(secret) < JWT_SECRET_MIN_BYTES for secret in secrets):
            raise InvalidSetting(
                f"MOVIES_JWT_SECRET: each secret must have at least {JWT_SECRET_MIN_BYTES} bytes."
            )
        return secrets
