"""Fetching films that were wished for: the wishes, and the worker that fulfils them."""
