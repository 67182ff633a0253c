"""The privileges that the database users need, as statements for an administrator, and no further ones.

With `oracle.owner` there are two users: the owner of the tables, with whom `sixplane db init` runs, and the user of the
process, who may read and write rows and create nothing.
"""

from __future__ import annotations

from experience.database import migrations
from experience.schema_health import table_of
from settings import Settings
from settings.connections.oracle_pool import checked_model, checked_name, checked_prefix, proxied

_USER = "SIXPLANE"
"""Whom the statements name if no user is configured."""

CREATING = ("CREATE SESSION", "CREATE TABLE", "CREATE SEQUENCE")
"""The system privileges of the owner of the tables."""

ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE")
"""The privileges of the user of the process on each table."""


def grants(settings: Settings) -> list[str]:
    """Return the statements, in the order in which they have to run.

    Raises:
        SettingsInvalid: the name of a user, tablespace or model is none.
    """
    user, owner = users(settings)
    tablespace = checked_name(settings.oracle.tablespace, "TABLESPACE")
    in_database = settings.data.embeddings == "database"
    found = [
        f"GRANT {', '.join(CREATING)} TO {owner}",
        f"GRANT CTXAPP TO {owner}",
        f"GRANT EXECUTE ON CTXSYS.CTX_DDL TO {owner}",
        f"ALTER USER {owner} QUOTA UNLIMITED ON {tablespace}",
        *([f"GRANT CREATE MINING MODEL TO {owner}"] if in_database else []),
        *_through(settings),
    ]
    if user == owner:
        return found
    found.append(f"GRANT CREATE SESSION TO {user}")
    if in_database:
        model = checked_model(settings.oracle)
        found.append(f"GRANT SELECT ON MINING MODEL {model if '.' in model else f'{owner}.{model}'} TO {user}")
    # After `sixplane db init`, since the tables must exist.
    return [*found, *(f"GRANT {', '.join(ROWS)} ON {owner}.{table} TO {user}" for table in tables(settings))]


def _through(settings: Settings) -> list[str]:
    """Return the statements that let a proxy user log in and act as the user of the process."""
    login, user = proxied(settings.oracle.user or _USER)
    if login == user:
        return []
    return [f"GRANT CREATE SESSION TO {login}", f"ALTER USER {user} GRANT CONNECT THROUGH {login}"]


def users(settings: Settings) -> tuple[str, str]:
    """Return the user of the process and the owner of the tables, which may be the same.

    Of a proxy user `login[user]`, it is the second one: his are the session and its privileges.
    """
    _, user = proxied(settings.oracle.user or _USER)
    return user, checked_name(settings.oracle.owner, "OWNER") if settings.oracle.owner else user


def tables(settings: Settings) -> list[str]:
    """Return the names of all tables of the schema, sorted."""
    made = {
        str(table_of(statement))
        for each in migrations(settings, 1)
        for statement in each.statements
        if statement.startswith("CREATE TABLE")
    }
    return sorted({*made, f"{checked_prefix(settings.oracle)}_MIGRATIONS"})
