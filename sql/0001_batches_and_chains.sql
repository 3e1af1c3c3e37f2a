-- Batches, weekly releases and the current state of every chain.
-- The schema pdb_update and the migration record are made by the program before the first migration.

CREATE TABLE pdb_update.batch (
    batch_name        text PRIMARY KEY CHECK (batch_name <> ''),
    batch_type        text NOT NULL CHECK (batch_type IN ('weekly', 'repair', 'fasta')),
    batch_path        text NOT NULL,
    status            text NOT NULL CHECK (status IN ('pending', 'running', 'complete')),
    release_date      date,
    created_at        timestamptz NOT NULL,
    completed_at      timestamptz,
    chain_count       integer NOT NULL CHECK (chain_count >= 0),
    reference_version text,
    reference_id      text,
    tool_versions     jsonb NOT NULL DEFAULT '{}',
    settings          jsonb NOT NULL DEFAULT '{}',
    settings_digest   text,
    content_digest    text,
    folder_stamp      text,
    synced_at         timestamptz NOT NULL DEFAULT now(),
    CHECK (batch_type <> 'weekly' OR release_date IS NOT NULL)
);
COMMENT ON TABLE pdb_update.batch IS 'Every batch that was loaded: a week, a repair, or a FASTA file';
COMMENT ON COLUMN pdb_update.batch.batch_name IS 'Name of the batch directory, e.g. ecod_weekly_20250905';
COMMENT ON COLUMN pdb_update.batch.batch_type IS 'weekly, repair or fasta';
COMMENT ON COLUMN pdb_update.batch.batch_path IS 'Batch directory when it was last loaded; paths of chains and runs are relative to it';
COMMENT ON COLUMN pdb_update.batch.status IS 'complete; running: a live process drove it when it was loaded (forced); pending: stopped with work left';
COMMENT ON COLUMN pdb_update.batch.release_date IS 'PDB release (a Friday) of a weekly batch';
COMMENT ON COLUMN pdb_update.batch.created_at IS 'When the batch was made';
COMMENT ON COLUMN pdb_update.batch.completed_at IS 'When the last chain was done';
COMMENT ON COLUMN pdb_update.batch.chain_count IS 'Chains in the manifest, classifiable or not';
COMMENT ON COLUMN pdb_update.batch.reference_version IS 'ECOD version searched, e.g. develop291';
COMMENT ON COLUMN pdb_update.batch.reference_id IS 'Version and checksum of the reference searched';
COMMENT ON COLUMN pdb_update.batch.tool_versions IS 'Version of each search program';
COMMENT ON COLUMN pdb_update.batch.settings IS 'Settings the batch ran under (no database settings, no secrets)';
COMMENT ON COLUMN pdb_update.batch.settings_digest IS 'SHA-256 of the settings results depend on';
COMMENT ON COLUMN pdb_update.batch.content_digest IS 'SHA-256 of what was loaded: equal means nothing to load; NULL after a load with rejected rows';
COMMENT ON COLUMN pdb_update.batch.folder_stamp IS 'Size and time of manifest, journal and partition folder when it was loaded: equal means not even opened again';
COMMENT ON COLUMN pdb_update.batch.synced_at IS 'When it was last loaded';

CREATE TABLE pdb_update.weekly_release (
    release_date         date PRIMARY KEY,
    pdb_status_path      text,
    batch_name           text NOT NULL REFERENCES pdb_update.batch,
    batch_path           text NOT NULL,
    total_structures     integer NOT NULL CHECK (total_structures >= 0),
    classifiable_chains  integer NOT NULL CHECK (classifiable_chains >= 0),
    processed_structures integer NOT NULL CHECK (processed_structures >= 0),
    status               text NOT NULL CHECK (status IN ('pending', 'running', 'complete')),
    reference_version    text,
    modified_entries     text[] NOT NULL DEFAULT '{}',
    obsolete_entries     text[] NOT NULL DEFAULT '{}',
    created_at           timestamptz NOT NULL,
    completed_at         timestamptz,
    CHECK (processed_structures <= total_structures)
);
CREATE INDEX ON pdb_update.weekly_release (batch_name);
COMMENT ON TABLE pdb_update.weekly_release IS 'One row per weekly PDB release that was processed';
COMMENT ON COLUMN pdb_update.weekly_release.release_date IS 'The release directory YYYYMMDD as a date';
COMMENT ON COLUMN pdb_update.weekly_release.pdb_status_path IS 'Directory with added.pdb, modified.pdb, obsolete.pdb';
COMMENT ON COLUMN pdb_update.weekly_release.batch_name IS 'Batch that processed the release';
COMMENT ON COLUMN pdb_update.weekly_release.batch_path IS 'Batch directory when it was last loaded';
COMMENT ON COLUMN pdb_update.weekly_release.total_structures IS 'Entries in added.pdb';
COMMENT ON COLUMN pdb_update.weekly_release.classifiable_chains IS 'Protein chains that can be classified';
COMMENT ON COLUMN pdb_update.weekly_release.processed_structures IS 'Entries whose chains are recorded (the others failed to be read)';
COMMENT ON COLUMN pdb_update.weekly_release.status IS 'As batch.status';
COMMENT ON COLUMN pdb_update.weekly_release.reference_version IS 'ECOD version searched';
COMMENT ON COLUMN pdb_update.weekly_release.modified_entries IS 'Entries of modified.pdb';
COMMENT ON COLUMN pdb_update.weekly_release.obsolete_entries IS 'Entries of obsolete.pdb';
COMMENT ON COLUMN pdb_update.weekly_release.created_at IS 'When the batch was made';
COMMENT ON COLUMN pdb_update.weekly_release.completed_at IS 'When the last chain was done';

CREATE TABLE pdb_update.chain_status (
    pdb_id                 text NOT NULL CHECK (pdb_id <> ''),
    chain_id               text NOT NULL,
    release_date           date NOT NULL,
    batch_name             text NOT NULL REFERENCES pdb_update.batch,
    entity_id              text,
    can_classify           boolean NOT NULL,
    cannot_classify_reason text,
    sequence_length        integer NOT NULL CHECK (sequence_length >= 0),
    sequence_md5           text CHECK (sequence_md5 ~ '^[0-9a-f]{32}$'),
    representative         text,
    is_representative      boolean NOT NULL,
    blast_status           text NOT NULL CHECK (blast_status IN ('pending', 'running', 'complete', 'failed', 'not_needed')),
    blast_coverage         double precision CHECK (blast_coverage BETWEEN 0 AND 1),
    needs_hhsearch         boolean,
    hhsearch_status        text NOT NULL CHECK (hhsearch_status IN ('pending', 'running', 'complete', 'failed', 'not_needed')),
    hhsearch_coverage      double precision CHECK (hhsearch_coverage BETWEEN 0 AND 1),
    partition_status       text NOT NULL CHECK (partition_status IN ('pending', 'running', 'complete', 'failed', 'not_needed')),
    partition_coverage     double precision CHECK (partition_coverage BETWEEN 0 AND 1),
    partition_outcome      text,
    partition_quality      text CHECK (partition_quality IN ('good', 'low_coverage', 'fragmentary', 'no_domains', 'failed')),
    domain_count           integer CHECK (domain_count >= 0),
    failed_step            text,
    failure_reason         text,
    attempts               integer NOT NULL CHECK (attempts >= 0),
    repair_status          text,
    reference_version      text,
    algorithm_version      text,
    seconds                double precision CHECK (seconds >= 0),
    fasta_path             text,
    chain_blast_path       text,
    domain_blast_path      text,
    hhsearch_path          text,
    summary_path           text,
    partition_path         text,
    updated_at             timestamptz NOT NULL,
    PRIMARY KEY (pdb_id, chain_id, release_date),
    CHECK (can_classify OR cannot_classify_reason IS NOT NULL)
);
CREATE INDEX ON pdb_update.chain_status (batch_name);
CREATE INDEX ON pdb_update.chain_status (release_date, partition_quality);
CREATE INDEX ON pdb_update.chain_status (sequence_md5);
CREATE INDEX chain_status_failed ON pdb_update.chain_status (release_date)
    WHERE 'failed' IN (blast_status, hhsearch_status, partition_status);
COMMENT ON TABLE pdb_update.chain_status IS 'Current state of every chain, one row per chain and release; a repair updates the row of the week it repairs';
COMMENT ON COLUMN pdb_update.chain_status.pdb_id IS 'PDB id, lower case; the record id of a FASTA batch';
COMMENT ON COLUMN pdb_update.chain_status.chain_id IS 'Author chain id, case kept; empty for FASTA records without one';
COMMENT ON COLUMN pdb_update.chain_status.release_date IS 'Weekly release; of a repaired chain its original week; of a FASTA batch, and of a repair without a week, the day the batch was made';
COMMENT ON COLUMN pdb_update.chain_status.batch_name IS 'Batch that last changed the row';
COMMENT ON COLUMN pdb_update.chain_status.entity_id IS 'mmCIF entity of the chain';
COMMENT ON COLUMN pdb_update.chain_status.can_classify IS 'A protein long enough to have domains';
COMMENT ON COLUMN pdb_update.chain_status.cannot_classify_reason IS 'peptide, nucleic_acid, not_protein, unknown_sequence, too_long';
COMMENT ON COLUMN pdb_update.chain_status.sequence_length IS 'SEQRES length in residues';
COMMENT ON COLUMN pdb_update.chain_status.sequence_md5 IS 'MD5 of the SEQRES sequence; equal means identical';
COMMENT ON COLUMN pdb_update.chain_status.representative IS 'Chain (pdb_chain) whose searches this chain shares';
COMMENT ON COLUMN pdb_update.chain_status.is_representative IS 'The chain itself was searched';
COMMENT ON COLUMN pdb_update.chain_status.blast_status IS 'State of the BLAST search';
COMMENT ON COLUMN pdb_update.chain_status.blast_coverage IS 'Union of residues with a domain-BLAST hit over the SEQRES length, 0 to 1';
COMMENT ON COLUMN pdb_update.chain_status.needs_hhsearch IS 'Coverage was below the threshold; NULL before BLAST';
COMMENT ON COLUMN pdb_update.chain_status.hhsearch_status IS 'State of the profile search';
COMMENT ON COLUMN pdb_update.chain_status.hhsearch_coverage IS 'Union of residues with an HHsearch hit over the SEQRES length, 0 to 1';
COMMENT ON COLUMN pdb_update.chain_status.partition_status IS 'State of the partition';
COMMENT ON COLUMN pdb_update.chain_status.partition_coverage IS 'Union of the domains over the SEQRES length, 0 to 1';
COMMENT ON COLUMN pdb_update.chain_status.partition_outcome IS 'assigned, no_evidence, weak_evidence, unknown_evidence';
COMMENT ON COLUMN pdb_update.chain_status.partition_quality IS 'good, low_coverage, fragmentary, no_domains, failed';
COMMENT ON COLUMN pdb_update.chain_status.domain_count IS 'Domains of the current partition';
COMMENT ON COLUMN pdb_update.chain_status.failed_step IS 'Step of the last failure: blast, hhsearch, partition';
COMMENT ON COLUMN pdb_update.chain_status.failure_reason IS 'Why the last attempt failed';
COMMENT ON COLUMN pdb_update.chain_status.attempts IS 'Times the chain was tried';
COMMENT ON COLUMN pdb_update.chain_status.repair_status IS 'State of the chain in its repair batch';
COMMENT ON COLUMN pdb_update.chain_status.reference_version IS 'ECOD version of the current partition';
COMMENT ON COLUMN pdb_update.chain_status.algorithm_version IS 'Version of the partitioner of the current partition';
COMMENT ON COLUMN pdb_update.chain_status.seconds IS 'Time spent on the chain, seconds';
COMMENT ON COLUMN pdb_update.chain_status.fasta_path IS 'Sequence file, relative to the batch directory';
COMMENT ON COLUMN pdb_update.chain_status.chain_blast_path IS 'BLAST output against chains, relative to the batch directory';
COMMENT ON COLUMN pdb_update.chain_status.domain_blast_path IS 'BLAST output against domains, relative to the batch directory';
COMMENT ON COLUMN pdb_update.chain_status.hhsearch_path IS 'HHsearch output, relative to the batch directory';
COMMENT ON COLUMN pdb_update.chain_status.summary_path IS 'Domain summary, relative to the batch directory';
COMMENT ON COLUMN pdb_update.chain_status.partition_path IS 'Partition file, relative to the batch directory';
COMMENT ON COLUMN pdb_update.chain_status.updated_at IS 'When the pipeline last changed the chain';

CREATE TABLE pdb_update.sequence (
    sequence_md5 text PRIMARY KEY,
    sequence     text NOT NULL,
    length       integer NOT NULL GENERATED ALWAYS AS (length(sequence)) STORED,
    CHECK (sequence_md5 = md5(sequence))
);
COMMENT ON TABLE pdb_update.sequence IS 'Every distinct sequence once';
COMMENT ON COLUMN pdb_update.sequence.sequence_md5 IS 'MD5 of the sequence, hexadecimal';
COMMENT ON COLUMN pdb_update.sequence.sequence IS 'SEQRES, one-letter code, modified residues as their parents';
COMMENT ON COLUMN pdb_update.sequence.length IS 'Residues';

CREATE TABLE pdb_update.repair_batch (
    batch_name      text PRIMARY KEY REFERENCES pdb_update.batch,
    reason          text CHECK (reason IN ('pdb_modifications', 'algorithm_update', 'error_fix', 'hierarchy_update', 'user_request')),
    source_weeks    text[] NOT NULL DEFAULT '{}',
    rerun_blast     boolean,
    rerun_hhsearch  boolean,
    rerun_partition boolean,
    created_at      timestamptz NOT NULL,
    completed_at    timestamptz
);
COMMENT ON TABLE pdb_update.repair_batch IS 'Why and how chains were processed again';
COMMENT ON COLUMN pdb_update.repair_batch.batch_name IS 'The repair batch';
COMMENT ON COLUMN pdb_update.repair_batch.reason IS 'pdb_modifications, algorithm_update, error_fix, hierarchy_update or user_request; NULL in batches of older tools';
COMMENT ON COLUMN pdb_update.repair_batch.source_weeks IS 'Weeks the chains come from, as asked for';
COMMENT ON COLUMN pdb_update.repair_batch.rerun_blast IS 'BLAST was run again';
COMMENT ON COLUMN pdb_update.repair_batch.rerun_hhsearch IS 'The profile search was run again';
COMMENT ON COLUMN pdb_update.repair_batch.rerun_partition IS 'The chains were partitioned again';
COMMENT ON COLUMN pdb_update.repair_batch.created_at IS 'When the repair was made';
COMMENT ON COLUMN pdb_update.repair_batch.completed_at IS 'When its last chain was done';

CREATE TABLE pdb_update.repair_chain (
    batch_name    text NOT NULL REFERENCES pdb_update.repair_batch,
    pdb_id        text NOT NULL,
    chain_id      text NOT NULL,
    release_date  date NOT NULL,
    source_week   text,
    repair_status text,
    accepted      boolean NOT NULL,
    updated_at    timestamptz NOT NULL,
    PRIMARY KEY (batch_name, pdb_id, chain_id),
    FOREIGN KEY (pdb_id, chain_id, release_date) REFERENCES pdb_update.chain_status
);
CREATE INDEX ON pdb_update.repair_chain (pdb_id, chain_id, release_date);
COMMENT ON TABLE pdb_update.repair_chain IS 'Every chain of every repair; before and after: view repair_outcome';
COMMENT ON COLUMN pdb_update.repair_chain.batch_name IS 'The repair batch';
COMMENT ON COLUMN pdb_update.repair_chain.pdb_id IS 'PDB id';
COMMENT ON COLUMN pdb_update.repair_chain.chain_id IS 'Author chain id';
COMMENT ON COLUMN pdb_update.repair_chain.release_date IS 'The chain_status row that is repaired';
COMMENT ON COLUMN pdb_update.repair_chain.source_week IS 'Week the chain comes from; NULL where no manifest is known';
COMMENT ON COLUMN pdb_update.repair_chain.repair_status IS 'State of the chain in the repair';
COMMENT ON COLUMN pdb_update.repair_chain.accepted IS 'The new result may become current (it is not worse, or that was accepted)';
COMMENT ON COLUMN pdb_update.repair_chain.updated_at IS 'When the pipeline last changed the chain';
