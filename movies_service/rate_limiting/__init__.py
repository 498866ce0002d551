"""Rate limits of clients, and the throttle of failed logins."""
