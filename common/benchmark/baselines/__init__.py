"""What the service is compared with. Each module is the program of a process of its own."""
