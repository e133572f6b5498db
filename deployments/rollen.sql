-- Two roles for the case database in PostgreSQL. The owner makes and changes tables (`routekaart migreer database`) and
-- destroys cases (`routekaart vernietiging uitvoeren`); the service (API, workers) can only add to the journal, to the log of
-- who looked and to the records of destruction, never change or remove a row of them. Run it in the case database, as one who may make roles,
-- before the first `migreer database`, or later in a database that the owner owns; running it again changes nothing:
--
--   psql --dbname=zaken --file=deployments/rollen.sql
--   psql --dbname=zaken --command='\password routekaart_eigenaar' --command='\password routekaart_dienst'

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['routekaart_eigenaar', 'routekaart_dienst'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE', name);
    END IF;
  END LOOP;
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO routekaart_eigenaar, routekaart_dienst', current_database());
END $$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO routekaart_eigenaar;
GRANT USAGE ON SCHEMA public TO routekaart_dienst;

-- What is there already, and what a later release makes.
DO $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tableowner <> 'routekaart_eigenaar' LOOP
    EXECUTE format('ALTER TABLE public.%I OWNER TO routekaart_eigenaar', name);
  END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO routekaart_dienst;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO routekaart_dienst;
ALTER DEFAULT PRIVILEGES FOR ROLE routekaart_eigenaar IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO routekaart_dienst;
ALTER DEFAULT PRIVILEGES FOR ROLE routekaart_eigenaar IN SCHEMA public
  GRANT USAGE, SELECT ON SEQUENCES TO routekaart_dienst;

-- Only added to. Run this file once more after the first `migreer database`.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['journal', 'destroyed_cases', 'alembic_version'] LOOP
    IF to_regclass('public.' || name) IS NOT NULL THEN
      EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON public.%I FROM routekaart_dienst', name);
    END IF;
  END LOOP;
  IF to_regclass('public.alembic_version') IS NOT NULL THEN
    REVOKE INSERT ON public.alembic_version FROM routekaart_dienst;
  END IF;
END $$;

-- Who looked: only added to as well. The service removes what is past its time; nothing of the last month, which is the
-- least that can be set (ROUTEKAART_KEEP_LOOKS_DAYS).
CREATE OR REPLACE FUNCTION public.keep_young_looks() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF current_user = 'routekaart_dienst' AND OLD.at > now() - interval '31 days' THEN
    RAISE EXCEPTION 'permission denied: a look of the last month stays' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN OLD;
END $body$;

DO $$
BEGIN
  IF to_regclass('public.looks') IS NOT NULL THEN
    REVOKE UPDATE, TRUNCATE ON public.looks FROM routekaart_dienst;
    DROP TRIGGER IF EXISTS keep_young_looks ON public.looks;
    CREATE TRIGGER keep_young_looks BEFORE DELETE ON public.looks
      FOR EACH ROW EXECUTE FUNCTION public.keep_young_looks();
  END IF;
END $$;
