"""Plain values that the repositories accept and return, independent of any database."""
