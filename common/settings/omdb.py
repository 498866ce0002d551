"""Settings of OMDb: the key, the quota and the rate limit."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from common.invalid_values import pattern_with
from common.settings.base import RateText, SettingsGroup, read_secret


class OmdbSettings(SettingsGroup):
    """OMDb key, daily quota and rate limit."""

    omdb_api_key: Annotated[SecretStr | None, Field(validation_alias="OMDB_API_KEY")] = None
    """API key of OMDb; if unset, movies come from the bundled OMDb emulator."""

    omdb_api_key_file: Annotated[Path | None, Field(validation_alias="OMDB_API_KEY_FILE")] = None
    """Path of a file that contains the value of `OMDB_API_KEY`, such as a mounted Docker or
    Kubernetes secret; set only one of the two."""

    omdb_url: Annotated[
        str,
        Field(
            validation_alias="OMDB_URL",
            pattern=pattern_with("https://www.omdbapi.com/", r"^https?://[^\s/?#]+[^\s?#]*$"),
        ),
    ] = "https://www.omdbapi.com/"
    """URL of the OMDb API; used only with a key."""

    omdb_daily_limit: Annotated[
        str,
        Field(
            validation_alias="OMDB_DAILY_LIMIT",
            pattern=pattern_with("1000, or off", r"^(off|[1-9][0-9]{0,8})$"),
        ),
    ] = "1000"
    """Maximum OMDb requests per UTC day for all processes together, 1 to 999,999,999, or `off`; the
    emulator has no limit."""

    omdb_interactive_reserve: Annotated[
        int, Field(validation_alias="OMDB_INTERACTIVE_RESERVE", ge=0, le=10**9)
    ] = 100
    """Part of the daily quota reserved for requests that wait for a movie, 0 to 1,000,000,000;
    background fetches pause when only this part remains. With a value of at least the daily limit
    they never start."""

    omdb_client_share_percent: Annotated[
        int, Field(validation_alias="OMDB_CLIENT_SHARE_PERCENT", ge=1, le=100)
    ] = 25
    """Part of the daily quota that one client without the scope `movies:write` may use in 24 hours,
    in percent, 1 to 100; 100 for no such limit. Each movie that is looked up counts once."""

    omdb_rate_limit: Annotated[RateText, Field(validation_alias="OMDB_RATE_LIMIT")] = "off"
    """Maximum rate of OMDb requests for each process, as `number/unit` with the unit `second`,
    `minute`, `hour` or `day`, or `off`."""

    @model_validator(mode="after")
    def _require_one_omdb_key(self) -> Self:
        if self.omdb_api_key is not None and self.omdb_api_key_file is not None:
            raise ValueError("set OMDB_API_KEY or OMDB_API_KEY_FILE, not both")
        return self

    def read_omdb_key(self) -> str | None:
        """Return the OMDb key, from its file if one is set; `None` without a key.

        Raises:
            InvalidSetting: The file cannot be read or is empty.
        """
        return read_secret(self.omdb_api_key, self.omdb_api_key_file, "OMDB_API_KEY_FILE")
