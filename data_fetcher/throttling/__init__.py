"""How OMDb is spared: the day's quota, the pace, and a pause while it does not serve."""
