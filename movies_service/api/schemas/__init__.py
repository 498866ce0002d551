"""What goes over the wire, as pydantic models: they check input and document output."""
