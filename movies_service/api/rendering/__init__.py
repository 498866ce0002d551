"""Responses: validators, pagination, private representations."""
