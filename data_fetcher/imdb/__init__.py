"""Reader and importer of IMDb's data sets for non-commercial use.

Source: https://developer.imdb.com/non-commercial-datasets/
"""
