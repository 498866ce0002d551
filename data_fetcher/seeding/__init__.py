"""Seeding of the first hundred movies: their list, the seeder and its progress bar."""
