"""What can be done with the catalogue, without saying how it is asked for."""
