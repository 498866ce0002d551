"""Test doubles of the data layer. Product code does not import them."""
