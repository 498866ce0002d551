"""IMDb's data sets for non-commercial use: read as films, and made up for tests.

Source: https://developer.imdb.com/non-commercial-datasets/
"""
