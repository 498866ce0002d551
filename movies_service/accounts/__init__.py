"""Identity: callers, API keys, users, passwords, sessions, tokens."""
