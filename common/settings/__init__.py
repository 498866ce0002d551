"""Settings from the environment and from `.env`, grouped by topic.

Only entry points read settings; values are passed down.
"""

from common.settings.database import DATABASE_URL_FORMS, is_database_url
from common.settings.ingesting import UPDATES_FOLDER
from common.settings.settings import Settings, load_settings, setting_names

__all__ = [
    "DATABASE_URL_FORMS",
    "UPDATES_FOLDER",
    "Settings",
    "is_database_url",
    "load_settings",
    "setting_names",
]
