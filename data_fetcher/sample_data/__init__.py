"""Synthetic movies and IMDb files of any size, for tests and measurements at scale."""
