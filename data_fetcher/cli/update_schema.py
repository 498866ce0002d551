"""The command `update-schema`: what an update of a film may be, as a document."""

import json

from data_fetcher.ingest.movie_update import UPDATE_JSON


def update_schema() -> None:
    """Print the JSON Schema of an update; `docs/update.schema.json` is the same."""
    print(write_update_schema(), end="")


def write_update_schema() -> str:
    """Return the schema, ending in a line feed."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **UPDATE_JSON.json_schema(),
        "title": "Update of a film",
        "anyOf": [{"required": ["title"]}, {"required": ["imdb_id"]}],
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
