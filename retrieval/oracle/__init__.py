"""The backend on Oracle Database: tables, statements, and the session that runs them."""
