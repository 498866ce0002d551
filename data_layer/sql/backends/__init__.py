"""Database backends: the operations that differ between SQLite, PostgreSQL and MariaDB."""
