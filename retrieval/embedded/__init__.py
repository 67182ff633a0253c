"""The embedded backend: SQLite stores the corpus; tantivy and usearch search it."""
