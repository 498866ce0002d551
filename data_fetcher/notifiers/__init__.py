"""Notification of workers about new fetches: in the process, or through Pub/Sub."""
