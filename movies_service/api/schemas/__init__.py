"""Pydantic models of request and response bodies: they validate input and document output."""
