"""Shared parts of all commands: settings, exit codes, progress bars."""
