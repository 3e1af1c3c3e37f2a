-- Entries of releases, also those that could not be read; absolute paths of what a chain's batch holds of it.

CREATE TABLE pdb_update.entry_status (
    pdb_id         text NOT NULL CHECK (pdb_id <> ''),
    release_date   date NOT NULL,
    batch_name     text NOT NULL REFERENCES pdb_update.batch,
    status         text NOT NULL CHECK (status IN ('pending', 'running', 'complete', 'failed', 'not_needed')),
    reason         text,
    attempts       integer NOT NULL CHECK (attempts >= 0),
    chain_count    integer CHECK (chain_count >= 0),
    notes          text[] NOT NULL DEFAULT '{}',
    title          text,
    method         text,
    resolution     double precision CHECK (resolution > 0),
    first_released date,
    PRIMARY KEY (pdb_id, release_date),
    CHECK (status <> 'failed' OR reason IS NOT NULL)
);
CREATE INDEX ON pdb_update.entry_status (batch_name);
CREATE INDEX entry_status_failed ON pdb_update.entry_status (release_date) WHERE status = 'failed';
COMMENT ON TABLE pdb_update.entry_status IS 'Every entry of every release that was loaded, read or not; a repair that read an entry updates the row of its week';
COMMENT ON COLUMN pdb_update.entry_status.pdb_id IS 'PDB id, lower case';
COMMENT ON COLUMN pdb_update.entry_status.release_date IS 'Weekly release; of an entry a repair read without a week, the day the repair was begun';
COMMENT ON COLUMN pdb_update.entry_status.batch_name IS 'Batch that last changed the row';
COMMENT ON COLUMN pdb_update.entry_status.status IS 'complete: its chains are recorded; failed: it could not be read; not_needed: obsolete before it was read';
COMMENT ON COLUMN pdb_update.entry_status.reason IS 'Why it could not be read, or need not be';
COMMENT ON COLUMN pdb_update.entry_status.attempts IS 'Times it was tried by a repair';
COMMENT ON COLUMN pdb_update.entry_status.chain_count IS 'Polymer chains its file names; NULL where it was not read';
COMMENT ON COLUMN pdb_update.entry_status.notes IS 'What was not as it should be in its file and lost no chain';
COMMENT ON COLUMN pdb_update.entry_status.title IS 'Title of the entry';
COMMENT ON COLUMN pdb_update.entry_status.method IS 'Experimental methods';
COMMENT ON COLUMN pdb_update.entry_status.resolution IS 'Resolution in Å';
COMMENT ON COLUMN pdb_update.entry_status.first_released IS 'First release date its file states';

CREATE VIEW pdb_update.failed_entries AS
SELECT pdb_id, release_date, batch_name, reason, attempts
FROM pdb_update.entry_status
WHERE status = 'failed';
COMMENT ON VIEW pdb_update.failed_entries IS 'Entries that could not be read, and why; a repair that read one takes it out';

CREATE VIEW pdb_update.chain_files AS
SELECT c.pdb_id, c.chain_id, c.release_date, c.batch_name,
       b.batch_path || '/' || c.fasta_path        AS fasta_path,
       b.batch_path || '/' || c.chain_blast_path  AS chain_blast_path,
       b.batch_path || '/' || c.domain_blast_path AS domain_blast_path,
       b.batch_path || '/' || c.hhsearch_path     AS hhsearch_path,
       b.batch_path || '/' || c.summary_path      AS summary_path,
       b.batch_path || '/' || c.partition_path    AS partition_path
FROM pdb_update.chain_status c
JOIN pdb_update.batch b USING (batch_name);
COMMENT ON VIEW pdb_update.chain_files IS 'Absolute paths of the files of each chain; NULL where there is none (search results: until they are exported)';

-- a view may only gain columns at its end
CREATE OR REPLACE VIEW pdb_update.release_summary AS
SELECT r.release_date,
       r.batch_name,
       r.status,
       r.reference_version,
       r.total_structures,
       r.processed_structures,
       count(c.pdb_id)                                                          AS chains,
       count(*) FILTER (WHERE c.can_classify)                                   AS classifiable_chains,
       count(*) FILTER (WHERE c.can_classify AND c.partition_status = 'complete') AS partitioned_chains,
       count(*) FILTER (WHERE 'failed' IN (c.blast_status, c.hhsearch_status, c.partition_status)) AS failed_chains,
       count(*) FILTER (WHERE c.needs_hhsearch)                                 AS hhsearch_chains,
       coalesce(sum(c.domain_count), 0)                                         AS domains,
       count(*) FILTER (WHERE c.partition_quality = 'good')                     AS good,
       count(*) FILTER (WHERE c.partition_quality = 'low_coverage')             AS low_coverage,
       count(*) FILTER (WHERE c.partition_quality = 'fragmentary')              AS fragmentary,
       count(*) FILTER (WHERE c.partition_quality = 'no_domains')               AS no_domains,
       avg(c.partition_coverage) FILTER (WHERE c.domain_count > 0)              AS mean_coverage,
       r.created_at,
       r.completed_at,
       (SELECT count(*) FROM pdb_update.entry_status e
        WHERE e.release_date = r.release_date AND e.status = 'failed')          AS failed_entries,
       (SELECT count(*) FROM pdb_update.entry_status e
        WHERE e.release_date = r.release_date AND e.status IN ('pending', 'running')) AS pending_entries
FROM pdb_update.weekly_release r
LEFT JOIN (pdb_update.chain_status c JOIN pdb_update.batch b ON b.batch_name = c.batch_name AND b.batch_type <> 'fasta')
       ON c.release_date = r.release_date
GROUP BY r.release_date;

COMMENT ON COLUMN pdb_update.chain_status.chain_id IS 'Author chain id, case kept, percent-encoded (A_1 is A%5F1), with @ and the label id where several polymers share it; empty for FASTA records without one';
COMMENT ON COLUMN pdb_update.chain_status.cannot_classify_reason IS 'peptide, nucleic_acid, not_protein, unknown_sequence, too_long; of repairs also obsolete, removed';
COMMENT ON COLUMN pdb_update.chain_status.failed_step IS 'Step of the last failure: entry (its file does not let it be used), blast, hhsearch, partition';
COMMENT ON COLUMN pdb_update.chain_status.chain_blast_path IS 'BLAST output against chains, relative to the batch directory; NULL until it is exported';
COMMENT ON COLUMN pdb_update.chain_status.domain_blast_path IS 'BLAST output against domains, relative to the batch directory; NULL until it is exported';
COMMENT ON COLUMN pdb_update.chain_status.hhsearch_path IS 'HHsearch output, relative to the batch directory; NULL until it is exported';
