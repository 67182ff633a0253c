"""The backend on Oracle Database: the corpus's tables, their SQL, and the session that runs it."""
