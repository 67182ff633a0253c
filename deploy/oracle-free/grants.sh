#!/bin/bash
# Run once by the container's entry point: what `sixplane db grants` prints, for the user of the tests.
set -euo pipefail
sqlplus -s / as sysdba <<SQL
ALTER SESSION SET CONTAINER = FREEPDB1;
GRANT CREATE SESSION, CREATE TABLE, CREATE SEQUENCE TO ${APP_USER};
GRANT CTXAPP TO ${APP_USER};
GRANT EXECUTE ON CTXSYS.CTX_DDL TO ${APP_USER};
ALTER USER ${APP_USER} QUOTA UNLIMITED ON USERS;
ALTER SYSTEM SET vector_memory_size = 512M SCOPE = SPFILE;
SQL
