"""Queue of fetch jobs in the database: deduplication, leases and completion."""
