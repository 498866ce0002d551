"""Endpoints. Each validates its input, calls one use case and chooses the status."""
