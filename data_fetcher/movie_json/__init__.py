"""Movies as JSON in ingested objects: field types, the document, NDJSON lines."""
