"""A real PostgreSQL server at READ COMMITTED, which is the isolation of Oracle Database too.

It proves what happens when several act at once. It is no third profile: nothing of the product knows it.
"""
