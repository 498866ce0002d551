"""The worker: fetches what was wished for, and looks at old films again."""
