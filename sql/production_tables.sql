-- Tables of a production schema that `pyecod import --create` makes; {schema} is the schema the user names.
-- An own table may have more columns, as long as those are nullable or have defaults.

CREATE SCHEMA IF NOT EXISTS {schema};

CREATE TABLE IF NOT EXISTS {schema}.partition_proteins (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pdb_id            text NOT NULL,
    chain_id          text NOT NULL,
    version           integer NOT NULL CHECK (version >= 1),
    process_version   text NOT NULL,
    batch_name        text NOT NULL,
    release_date      date NOT NULL,
    reference_version text NOT NULL,
    sequence_length   integer NOT NULL,
    sequence_md5      text,
    coverage          double precision NOT NULL,
    residues_assigned integer NOT NULL,
    domain_count      integer NOT NULL,
    quality           text NOT NULL,
    outcome           text NOT NULL,
    is_classified     boolean NOT NULL,
    source_run_id     bigint NOT NULL,
    content_digest    text NOT NULL,
    imported_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (pdb_id, chain_id, version)
);
COMMENT ON TABLE {schema}.partition_proteins IS 'Imported partitions, one row per chain and version; the highest version is the newest';
COMMENT ON COLUMN {schema}.partition_proteins.process_version IS 'Algorithm and version that made the result';
COMMENT ON COLUMN {schema}.partition_proteins.source_run_id IS 'pdb_update.partition_run.run_id it was imported from';
COMMENT ON COLUMN {schema}.partition_proteins.content_digest IS 'SHA-256 of the result: equal means the same result';

CREATE TABLE IF NOT EXISTS {schema}.partition_domains (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    protein_id         bigint NOT NULL REFERENCES {schema}.partition_proteins ON DELETE CASCADE,
    domain_number      integer NOT NULL,
    domain_id          text NOT NULL,
    range              text NOT NULL,
    pdb_range          text,
    start_pos          integer NOT NULL,
    end_pos            integer NOT NULL,
    size               integer NOT NULL,
    is_discontinuous   boolean NOT NULL,
    source             text NOT NULL,
    source_id          text NOT NULL,
    f_group            text,
    t_group            text NOT NULL,
    h_group            text NOT NULL,
    x_group            text NOT NULL,
    UNIQUE (protein_id, domain_number)
);
COMMENT ON TABLE {schema}.partition_domains IS 'Domains of imported partitions; ranges in SEQRES numbering, pdb_range by author numbers';
COMMENT ON COLUMN {schema}.partition_domains.source_id IS 'ECOD domain with the best evidence';

CREATE TABLE IF NOT EXISTS {schema}.partition_evidence (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    domain_id          bigint NOT NULL REFERENCES {schema}.partition_domains ON DELETE CASCADE,
    evidence_type      text NOT NULL,
    source_id          text NOT NULL,
    evalue             double precision,
    probability        double precision,
    reference_coverage double precision NOT NULL,
    support            integer NOT NULL,
    h_agreement        double precision NOT NULL
);
CREATE INDEX IF NOT EXISTS partition_evidence_domain ON {schema}.partition_evidence (domain_id);
COMMENT ON TABLE {schema}.partition_evidence IS 'Best evidence of each imported domain, and how many hits agree with it';
