"""SQL repositories of fetches, movie refreshes, seeds and the state of OMDb."""
