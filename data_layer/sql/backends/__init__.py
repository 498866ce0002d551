"""What each database needs to be asked differently; the rest of the data layer does not see it."""
