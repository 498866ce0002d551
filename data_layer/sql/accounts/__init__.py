"""SQL repositories of users, sessions, API keys, the audit log and idempotency records."""
