#!/bin/bash
# Run once by the container's entry point, and by .github/workflows/oracle.yml: what `sixplane db grants` prints, for
# the user of the tests, and vector memory for HNSW indexes. It has not been run yet.
set -euo pipefail

# Static, and a part of the SGA of the whole instance: it takes effect in the root, after a restart.
sqlplus -s / as sysdba <<SQL
WHENEVER SQLERROR EXIT FAILURE
ALTER SYSTEM SET vector_memory_size = 512M SCOPE = SPFILE;
SHUTDOWN IMMEDIATE
STARTUP
BEGIN
  FOR pdb IN (SELECT name FROM v\$pdbs WHERE name = 'FREEPDB1' AND open_mode <> 'READ WRITE') LOOP
    EXECUTE IMMEDIATE 'ALTER PLUGGABLE DATABASE ' || pdb.name || ' OPEN';
  END LOOP;
END;
/
SQL

sqlplus -s / as sysdba <<SQL
WHENEVER SQLERROR EXIT FAILURE
ALTER SESSION SET CONTAINER = FREEPDB1;
DECLARE
  found NUMBER;
BEGIN
  SELECT COUNT(*) INTO found FROM dba_registry WHERE comp_id = 'CONTEXT' AND status = 'VALID';
  IF found = 0 THEN
    RAISE_APPLICATION_ERROR(-20001, 'this image has no Oracle Text: use one without -slim in its name');
  END IF;
  SELECT COUNT(*) INTO found FROM v\$parameter WHERE name = 'vector_memory_size' AND TO_NUMBER(value) > 0;
  IF found = 0 THEN
    RAISE_APPLICATION_ERROR(-20001, 'vector_memory_size is 0 after the restart');
  END IF;
END;
/
GRANT CREATE SESSION, CREATE TABLE, CREATE SEQUENCE TO ${APP_USER};
GRANT CTXAPP TO ${APP_USER};
GRANT EXECUTE ON CTXSYS.CTX_DDL TO ${APP_USER};
ALTER USER ${APP_USER} QUOTA UNLIMITED ON USERS;
SQL
