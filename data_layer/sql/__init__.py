"""The data layer on a relational database, with SQLAlchemy."""
