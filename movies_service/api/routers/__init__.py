"""The endpoints: they check input, call one use case, and choose the status."""
