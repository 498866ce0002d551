"""The response cache: its middleware, store, keys and cached responses."""
