"""Plain values that the repositories take and give. Nothing here knows of a database."""
