"""Test doubles of the data layer, which product code does not import."""
