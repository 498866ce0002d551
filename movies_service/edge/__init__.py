"""What surrounds the app: bounds of requests, and as plain ASGI the cache, request ids, HEAD."""
