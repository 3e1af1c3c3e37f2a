-- Roles with the least each needs; run after every migration and by `pyecod db roles`. Safe to run again.
-- Where the user may not make or grant roles, a notice says so and an administrator runs `pyecod db roles`.

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['pyecod_owner', 'pyecod_writer', 'pyecod_reader'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'role % is missing and % may not create roles', name, current_user;
    WHEN duplicate_object OR unique_violation THEN
        NULL;  -- another database's migration made it at this moment
END
$$;

-- reader: look; writer: load batches and provenance; owner: change the schema
DO $$
DECLARE
    item record;
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'pyecod_reader') THEN
        GRANT USAGE ON SCHEMA pdb_update TO pyecod_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA pdb_update TO pyecod_reader;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'pyecod_writer') THEN
        GRANT USAGE ON SCHEMA pdb_update TO pyecod_writer;
        GRANT SELECT ON ALL TABLES IN SCHEMA pdb_update TO pyecod_writer;
        FOR item IN SELECT tablename FROM pg_tables WHERE schemaname = 'pdb_update' AND tablename <> 'pyecod_migration' LOOP
            EXECUTE format('GRANT INSERT, UPDATE ON pdb_update.%I TO pyecod_writer', item.tablename);
        END LOOP;
        GRANT DELETE ON pdb_update.partition_domain, pdb_update.partition_evidence, pdb_update.quality_flag,
                        pdb_update.cluster_member TO pyecod_writer;
        GRANT USAGE ON SEQUENCE pdb_update.job_root_number TO pyecod_writer;
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'grants to readers and writers are incomplete: %', SQLERRM;
END
$$;

DO $$
DECLARE
    item record;
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'pyecod_owner') THEN
        EXECUTE format('GRANT CREATE ON DATABASE %I TO pyecod_owner', current_database());
        IF NOT pg_has_role(current_user, 'pyecod_owner', 'MEMBER') THEN
            EXECUTE format('GRANT pyecod_owner TO %I', current_user);
        END IF;
        IF (SELECT nspowner FROM pg_namespace WHERE nspname = 'pdb_update') <> 'pyecod_owner'::regrole THEN
            ALTER SCHEMA pdb_update OWNER TO pyecod_owner;
        END IF;
        FOR item IN
            SELECT c.relname, CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
            FROM pg_class c
            WHERE c.relnamespace = 'pdb_update'::regnamespace AND c.relkind IN ('r', 'v', 'S')
              AND c.relowner <> 'pyecod_owner'::regrole
              AND NOT EXISTS (SELECT 1 FROM pg_depend d  -- an identity column's sequence follows its table
                              WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'i')
        LOOP
            EXECUTE format('ALTER %s pdb_update.%I OWNER TO pyecod_owner', item.kind, item.relname);
        END LOOP;
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'pyecod_owner does not own everything: %', SQLERRM;
END
$$;
