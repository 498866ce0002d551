"""Rendering of responses: validators, pagination and private representations."""
