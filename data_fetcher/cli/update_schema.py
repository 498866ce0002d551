"""Command `update-schema`: JSON Schema of an update of a movie."""

import json

from data_fetcher.ingest.movie_update import UPDATE_DOCUMENT


def update_schema() -> None:
    """Print the JSON Schema of an update, as in `docs/update.schema.json`."""
    print(write_update_schema(), end="")


def write_update_schema() -> str:
    """Return the schema as indented JSON that ends with a line feed."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **UPDATE_DOCUMENT.json_schema(),
        "title": "Update of a movie",
        "anyOf": [{"required": ["title"]}, {"required": ["imdb_id"]}],
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
