"""The embedded backend: SQLite holds the corpus, tantivy and usearch search it."""
