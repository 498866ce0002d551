"""What surrounds the app, as plain ASGI: request ids, body limits, HEAD."""
