-- Every partition result of every chain, kept for good; the newest accepted one is current.

CREATE TABLE pdb_update.partition_run (
    run_id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pdb_id            text NOT NULL,
    chain_id          text NOT NULL,
    release_date      date NOT NULL,
    batch_name        text NOT NULL REFERENCES pdb_update.batch,
    run_number        integer NOT NULL CHECK (run_number >= 1),
    is_current        boolean NOT NULL DEFAULT false,
    accepted          boolean NOT NULL,
    outcome           text NOT NULL CHECK (outcome IN ('assigned', 'no_evidence', 'weak_evidence', 'unknown_evidence')),
    quality           text NOT NULL CHECK (quality IN ('good', 'low_coverage', 'fragmentary', 'no_domains', 'failed')),
    coverage          double precision NOT NULL CHECK (coverage BETWEEN 0 AND 1),
    domain_count      integer NOT NULL CHECK (domain_count >= 0),
    sequence_length   integer NOT NULL CHECK (sequence_length > 0),
    sequence_md5      text,
    representative    text,
    reference_version text NOT NULL,
    algorithm         text NOT NULL,
    algorithm_version text NOT NULL,
    parameters        jsonb NOT NULL,
    unassigned        jsonb NOT NULL,
    partition_path    text,
    content_digest    text NOT NULL,
    created_at        timestamptz NOT NULL,
    synced_at         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (pdb_id, chain_id, batch_name, run_number),
    FOREIGN KEY (pdb_id, chain_id, release_date) REFERENCES pdb_update.chain_status,
    CHECK (accepted OR NOT is_current),
    CHECK ((domain_count > 0) = (outcome = 'assigned'))
);
CREATE UNIQUE INDEX partition_run_current ON pdb_update.partition_run (pdb_id, chain_id, release_date) WHERE is_current;
CREATE INDEX ON pdb_update.partition_run (pdb_id, chain_id, release_date);
CREATE INDEX ON pdb_update.partition_run (batch_name);
COMMENT ON TABLE pdb_update.partition_run IS 'Every partition result of every chain; a changed result of the same batch is a new run';
COMMENT ON COLUMN pdb_update.partition_run.run_id IS 'Key for partition_domain, partition_evidence and quality_flag';
COMMENT ON COLUMN pdb_update.partition_run.pdb_id IS 'PDB id; the record id of a FASTA batch';
COMMENT ON COLUMN pdb_update.partition_run.chain_id IS 'Author chain id';
COMMENT ON COLUMN pdb_update.partition_run.release_date IS 'The chain_status row the run belongs to';
COMMENT ON COLUMN pdb_update.partition_run.batch_name IS 'Batch that made the result';
COMMENT ON COLUMN pdb_update.partition_run.run_number IS '1, 2, 3… per chain and batch, in the order of loading';
COMMENT ON COLUMN pdb_update.partition_run.is_current IS 'The newest accepted run of this chain and release; exactly one where there is any';
COMMENT ON COLUMN pdb_update.partition_run.accepted IS 'False: a repair came out worse; kept, but never current';
COMMENT ON COLUMN pdb_update.partition_run.outcome IS 'assigned; no_evidence; weak_evidence; unknown_evidence: hits to nothing this reference knows';
COMMENT ON COLUMN pdb_update.partition_run.quality IS 'Label by coverage: good, low_coverage, fragmentary, no_domains';
COMMENT ON COLUMN pdb_update.partition_run.coverage IS 'Union of the domains over the SEQRES length, 0 to 1';
COMMENT ON COLUMN pdb_update.partition_run.domain_count IS 'Domains';
COMMENT ON COLUMN pdb_update.partition_run.sequence_length IS 'SEQRES length in residues';
COMMENT ON COLUMN pdb_update.partition_run.sequence_md5 IS 'MD5 of the sequence that was partitioned';
COMMENT ON COLUMN pdb_update.partition_run.representative IS 'Chain (pdb_chain) whose evidence was used';
COMMENT ON COLUMN pdb_update.partition_run.reference_version IS 'ECOD version the domains are named by';
COMMENT ON COLUMN pdb_update.partition_run.algorithm IS 'Name of the partitioner';
COMMENT ON COLUMN pdb_update.partition_run.algorithm_version IS 'Version of the partitioner';
COMMENT ON COLUMN pdb_update.partition_run.parameters IS 'Thresholds of the partitioner';
COMMENT ON COLUMN pdb_update.partition_run.unassigned IS 'Regions without a domain: [{"range": "1-12", "reason": "tag"}]';
COMMENT ON COLUMN pdb_update.partition_run.partition_path IS 'Partition file, relative to the batch directory';
COMMENT ON COLUMN pdb_update.partition_run.content_digest IS 'SHA-256 of the result without its times: equal means the same result';
COMMENT ON COLUMN pdb_update.partition_run.created_at IS 'When the result was made';
COMMENT ON COLUMN pdb_update.partition_run.synced_at IS 'When it was loaded';

CREATE TABLE pdb_update.partition_domain (
    run_id             bigint NOT NULL REFERENCES pdb_update.partition_run ON DELETE CASCADE,
    domain_number      integer NOT NULL CHECK (domain_number >= 1),
    domain_id          text NOT NULL,
    range              text NOT NULL CHECK (range ~ '^[0-9]+-[0-9]+(,[0-9]+-[0-9]+)*$'),
    pdb_range          text,
    start_residue      integer NOT NULL CHECK (start_residue >= 1),
    end_residue        integer NOT NULL CHECK (end_residue >= start_residue),
    size               integer NOT NULL CHECK (size BETWEEN 1 AND end_residue - start_residue + 1),
    is_discontinuous   boolean NOT NULL,
    ecod_domain        text NOT NULL,
    f_group            text,
    t_group            text NOT NULL,
    h_group            text NOT NULL,
    x_group            text NOT NULL,
    source             text NOT NULL CHECK (source IN ('chain_blast', 'domain_blast', 'hhsearch')),
    evalue             double precision CHECK (evalue >= 0),
    probability        double precision CHECK (probability BETWEEN 0 AND 100),
    reference_coverage double precision NOT NULL CHECK (reference_coverage BETWEEN 0 AND 1),
    support            integer NOT NULL CHECK (support >= 0),
    h_agreement        double precision NOT NULL CHECK (h_agreement BETWEEN 0 AND 1),
    PRIMARY KEY (run_id, domain_number)
);
CREATE INDEX ON pdb_update.partition_domain (t_group);
CREATE INDEX ON pdb_update.partition_domain (ecod_domain);
COMMENT ON TABLE pdb_update.partition_domain IS 'Domains of every run, in sequence order, never overlapping';
COMMENT ON COLUMN pdb_update.partition_domain.run_id IS 'The run';
COMMENT ON COLUMN pdb_update.partition_domain.domain_number IS '1, 2, 3… in sequence order';
COMMENT ON COLUMN pdb_update.partition_domain.domain_id IS 'Id within the chain, e.g. 8ovp_A_001';
COMMENT ON COLUMN pdb_update.partition_domain.range IS 'SEQRES numbering, 1-based inclusive, e.g. 10-110,150-200';
COMMENT ON COLUMN pdb_update.partition_domain.pdb_range IS 'Author numbering with insertion codes, e.g. A:10-50,A:100A-150; NULL for FASTA';
COMMENT ON COLUMN pdb_update.partition_domain.start_residue IS 'First SEQRES residue';
COMMENT ON COLUMN pdb_update.partition_domain.end_residue IS 'Last SEQRES residue';
COMMENT ON COLUMN pdb_update.partition_domain.size IS 'Residues in the domain';
COMMENT ON COLUMN pdb_update.partition_domain.is_discontinuous IS 'More than one segment';
COMMENT ON COLUMN pdb_update.partition_domain.ecod_domain IS 'Reference domain with the best evidence, e.g. e1suaA1';
COMMENT ON COLUMN pdb_update.partition_domain.f_group IS 'X.H.T.F; NULL where the supporting hits disagree';
COMMENT ON COLUMN pdb_update.partition_domain.t_group IS 'X.H.T';
COMMENT ON COLUMN pdb_update.partition_domain.h_group IS 'X.H';
COMMENT ON COLUMN pdb_update.partition_domain.x_group IS 'X';
COMMENT ON COLUMN pdb_update.partition_domain.source IS 'Type of the best evidence';
COMMENT ON COLUMN pdb_update.partition_domain.evalue IS 'E-value of the best evidence; 0 is the best there is';
COMMENT ON COLUMN pdb_update.partition_domain.probability IS 'HHsearch probability of the best evidence, per cent';
COMMENT ON COLUMN pdb_update.partition_domain.reference_coverage IS 'Aligned share of the reference domain, 0 to 1';
COMMENT ON COLUMN pdb_update.partition_domain.support IS 'Accepted hits that agree';
COMMENT ON COLUMN pdb_update.partition_domain.h_agreement IS 'Share of the hits over this region that are of its H-group, 0 to 1';

CREATE TABLE pdb_update.partition_evidence (
    run_id        bigint NOT NULL REFERENCES pdb_update.partition_run ON DELETE CASCADE,
    evidence_type text NOT NULL CHECK (evidence_type IN ('chain_blast', 'domain_blast', 'hhsearch')),
    found         integer NOT NULL CHECK (found >= 0),
    kept          integer NOT NULL CHECK (kept >= 0),
    considered    integer NOT NULL CHECK (considered >= 0),
    accepted      integer NOT NULL CHECK (accepted >= 0),
    rejected      jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (run_id, evidence_type)
);
COMMENT ON TABLE pdb_update.partition_evidence IS 'Hits of each type at each boundary; a type that drops to zero was lost';
COMMENT ON COLUMN pdb_update.partition_evidence.run_id IS 'The run';
COMMENT ON COLUMN pdb_update.partition_evidence.evidence_type IS 'chain_blast, domain_blast or hhsearch; no row: not searched';
COMMENT ON COLUMN pdb_update.partition_evidence.found IS 'Hits the program printed';
COMMENT ON COLUMN pdb_update.partition_evidence.kept IS 'Hits in the domain summary';
COMMENT ON COLUMN pdb_update.partition_evidence.considered IS 'Hits the partitioner knew the reference of';
COMMENT ON COLUMN pdb_update.partition_evidence.accepted IS 'Hits that support an assigned domain';
COMMENT ON COLUMN pdb_update.partition_evidence.rejected IS 'Hits rejected, by reason';

CREATE TABLE pdb_update.quality_flag (
    run_id        bigint NOT NULL REFERENCES pdb_update.partition_run ON DELETE CASCADE,
    domain_number integer NOT NULL CHECK (domain_number >= 0),
    flag          text NOT NULL,
    detail        text,
    PRIMARY KEY (run_id, domain_number, flag)
);
CREATE INDEX ON pdb_update.quality_flag (flag);
COMMENT ON TABLE pdb_update.quality_flag IS 'What a curator should look at';
COMMENT ON COLUMN pdb_update.quality_flag.run_id IS 'The run';
COMMENT ON COLUMN pdb_update.quality_flag.domain_number IS 'The domain; 0: the whole chain';
COMMENT ON COLUMN pdb_update.quality_flag.flag IS 'partial, discontinuous, new_representative_candidate, conflict';
COMMENT ON COLUMN pdb_update.quality_flag.detail IS 'In words, where there is more to say';
