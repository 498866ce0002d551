"""Admission control of OMDb requests: daily quota, rate limit and circuit breaker."""
