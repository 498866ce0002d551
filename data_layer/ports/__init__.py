"""What the rest of the program may ask of the data layer, without saying how it is done."""
