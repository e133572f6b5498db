-- The role of Prefect in PostgreSQL: it owns its own database and what is in it, and sees no other. Run it in that
-- database, as one who may make roles, before Prefect's first migration or on a database that is there already; running
-- it again changes nothing:
--
--   psql --dbname=prefect --file=deployments/prefect-rol.sql
--   psql --dbname=prefect --command='\password prefect'

CREATE EXTENSION IF NOT EXISTS pg_trgm;

DO $$
DECLARE
  item record;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'prefect') THEN
    CREATE ROLE prefect LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
  END IF;
  EXECUTE format('ALTER DATABASE %I OWNER TO prefect', current_database());
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  ALTER SCHEMA public OWNER TO prefect;

  -- What an earlier role made; a sequence and an index follow their table, and what is of an extension stays.
  FOR item IN
    SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END AS kind, c.oid::regclass AS name
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
      AND c.relowner <> 'prefect'::regrole
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
  LOOP
    EXECUTE format('ALTER %s %s OWNER TO prefect', item.kind, item.name);
  END LOOP;
  FOR item IN
    SELECT t.oid::regtype AS name
    FROM pg_type t
    WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('e', 'd') AND t.typowner <> 'prefect'::regrole
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e')
  LOOP
    EXECUTE format('ALTER TYPE %s OWNER TO prefect', item.name);
  END LOOP;
  FOR item IN
    SELECT p.oid::regprocedure AS name
    FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace AND p.proowner <> 'prefect'::regrole
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  LOOP
    EXECUTE format('ALTER ROUTINE %s OWNER TO prefect', item.name);
  END LOOP;
END $$;
