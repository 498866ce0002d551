"""SQLAlchemy implementation of the data layer on relational databases."""
