-- Clusters of identical or similar sequences, whose representatives are searched for all members.

CREATE TABLE pdb_update.clustering_run (
    clustering_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text NOT NULL UNIQUE,
    method          text NOT NULL CHECK (method IN ('identical', 'mmseqs2', 'cd-hit', 'file')),
    method_version  text,
    min_identity    double precision CHECK (min_identity BETWEEN 0 AND 1),
    min_coverage    double precision CHECK (min_coverage BETWEEN 0 AND 1),
    batch_names     text[] NOT NULL DEFAULT '{}',
    source_path     text,
    created_at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE pdb_update.clustering_run IS 'One clustering of the chains of one or more batches';
COMMENT ON COLUMN pdb_update.clustering_run.clustering_id IS 'Key for cluster_member';
COMMENT ON COLUMN pdb_update.clustering_run.name IS 'Name people use for it';
COMMENT ON COLUMN pdb_update.clustering_run.method IS 'identical, mmseqs2, cd-hit, or a file made elsewhere';
COMMENT ON COLUMN pdb_update.clustering_run.method_version IS 'Version of the program';
COMMENT ON COLUMN pdb_update.clustering_run.min_identity IS 'Smallest identity within a cluster, 0 to 1';
COMMENT ON COLUMN pdb_update.clustering_run.min_coverage IS 'Smallest alignment coverage, 0 to 1';
COMMENT ON COLUMN pdb_update.clustering_run.batch_names IS 'Batches whose chains were clustered';
COMMENT ON COLUMN pdb_update.clustering_run.source_path IS 'Cluster file that was read';
COMMENT ON COLUMN pdb_update.clustering_run.created_at IS 'When it was made';

CREATE TABLE pdb_update.cluster_member (
    clustering_id     bigint NOT NULL REFERENCES pdb_update.clustering_run ON DELETE CASCADE,
    pdb_id            text NOT NULL,
    chain_id          text NOT NULL,
    cluster_number    integer NOT NULL CHECK (cluster_number >= 1),
    is_representative boolean NOT NULL,
    identity          double precision CHECK (identity BETWEEN 0 AND 1),
    coverage          double precision CHECK (coverage BETWEEN 0 AND 1),
    propagation       text NOT NULL DEFAULT 'pending'
        CHECK (propagation IN ('pending', 'searched', 'inherited', 'mapped', 'queued', 'failed')),
    PRIMARY KEY (clustering_id, pdb_id, chain_id)
);
CREATE UNIQUE INDEX cluster_representative ON pdb_update.cluster_member (clustering_id, cluster_number)
    WHERE is_representative;
CREATE INDEX ON pdb_update.cluster_member (clustering_id, cluster_number);
CREATE INDEX ON pdb_update.cluster_member (pdb_id, chain_id);
COMMENT ON TABLE pdb_update.cluster_member IS 'Chains of a clustering; only identical sequences inherit ranges, similar ones get their own';
COMMENT ON COLUMN pdb_update.cluster_member.clustering_id IS 'The clustering';
COMMENT ON COLUMN pdb_update.cluster_member.pdb_id IS 'PDB id';
COMMENT ON COLUMN pdb_update.cluster_member.chain_id IS 'Author chain id';
COMMENT ON COLUMN pdb_update.cluster_member.cluster_number IS 'The cluster within the clustering';
COMMENT ON COLUMN pdb_update.cluster_member.is_representative IS 'The chain that is searched for all; one per cluster';
COMMENT ON COLUMN pdb_update.cluster_member.identity IS 'Identity with the representative, 0 to 1';
COMMENT ON COLUMN pdb_update.cluster_member.coverage IS 'Aligned share of the member, 0 to 1';
COMMENT ON COLUMN pdb_update.cluster_member.propagation IS 'searched: itself; inherited: identical; mapped: through its alignment; queued: maps badly, to be searched itself';
