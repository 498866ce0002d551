"""How much of the service one client gets."""
