"""The frame of every command: settings, exit codes, progress bars."""
