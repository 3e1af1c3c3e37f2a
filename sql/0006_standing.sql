-- Every batch's record of every chain, so that which of them stands is decided anew at each load, in whatever order the
-- batches come. chain_status stays the record that stands.

CREATE TABLE pdb_update.chain_record (
    LIKE pdb_update.chain_status INCLUDING CONSTRAINTS INCLUDING COMMENTS,
    accepted   boolean NOT NULL,
    has_result boolean NOT NULL,
    is_mark    boolean NOT NULL,
    PRIMARY KEY (pdb_id, chain_id, release_date, batch_name),
    FOREIGN KEY (batch_name) REFERENCES pdb_update.batch
);
CREATE INDEX ON pdb_update.chain_record (batch_name);
COMMENT ON TABLE pdb_update.chain_record IS 'What each batch says of each chain; the record that stands is in chain_status too';
COMMENT ON COLUMN pdb_update.chain_record.batch_name IS 'The batch whose record this is';
COMMENT ON COLUMN pdb_update.chain_record.accepted IS 'It may stand; false: a repair that failed, is not finished, not judged yet, or came out worse';
COMMENT ON COLUMN pdb_update.chain_record.has_result IS 'A finished partition, or that the chain cannot be classified; a failure never takes the place of a result';
COMMENT ON COLUMN pdb_update.chain_record.is_mark IS 'A repair found the entry obsolete or the chain gone from it';

-- what is known; records that repairs have taken the place of come with the next load of their batch
INSERT INTO pdb_update.chain_record
SELECT c.*,
       coalesce(rc.accepted, true),
       NOT c.can_classify OR (c.partition_status = 'complete' AND 'failed' NOT IN (c.blast_status, c.hhsearch_status)),
       rc.batch_name IS NOT NULL AND NOT c.can_classify AND c.cannot_classify_reason IN ('obsolete', 'removed')
FROM pdb_update.chain_status c
LEFT JOIN pdb_update.repair_chain rc USING (batch_name, pdb_id, chain_id, release_date);

CREATE OR REPLACE VIEW pdb_update.failed_chains AS
SELECT pdb_id, chain_id, release_date, batch_name, failed_step, failure_reason, attempts,
       blast_status, hhsearch_status, partition_status, sequence_length, updated_at
FROM pdb_update.chain_status
WHERE can_classify AND 'failed' IN (blast_status, hhsearch_status, partition_status);

COMMENT ON TABLE pdb_update.chain_status IS 'Every chain of every release as it stands now: of the records in chain_record the one that counts';
COMMENT ON TABLE pdb_update.partition_run IS 'Every partition result of every chain, kept for good; a changed result of the same batch is a new run';
COMMENT ON COLUMN pdb_update.partition_run.is_current IS 'The last result of the batch whose record stands for the chain and release; none where that failed or cannot be classified';
COMMENT ON COLUMN pdb_update.partition_run.accepted IS 'False: a repair came out worse, or was not judged yet; kept, but never current';
