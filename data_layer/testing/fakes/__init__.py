"""In-memory implementations of the ports, for tests of the layers above.

Contract tests run on the fakes and on every real database.
"""
