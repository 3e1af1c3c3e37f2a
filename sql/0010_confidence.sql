-- How sure a domain is, and what else its residues could have been.
ALTER TABLE pdb_update.partition_domain
    ADD COLUMN confidence       double precision CHECK (confidence BETWEEN 0 AND 1),
    ADD COLUMN rival_domain     text,
    ADD COLUMN rival_t_group    text,
    ADD COLUMN rival_h_group    text,
    ADD COLUMN rival_confidence double precision CHECK (rival_confidence BETWEEN 0 AND 1),
    ADD COLUMN rival_defeat     text CHECK (rival_defeat IN
        ('not_sure', 'too_small', 'not_worth', 'parts', 'weaker', 'together'));
COMMENT ON COLUMN pdb_update.partition_domain.confidence IS 'Calibrated probability that the H-group is right, 0 to 1; NULL for results of 0.1';
COMMENT ON COLUMN pdb_update.partition_domain.rival_domain IS 'Reference domain of the strongest rival; NULL where there is none';
COMMENT ON COLUMN pdb_update.partition_domain.rival_t_group IS 'T-group of the strongest rival';
COMMENT ON COLUMN pdb_update.partition_domain.rival_h_group IS 'H-group of the strongest rival';
COMMENT ON COLUMN pdb_update.partition_domain.rival_confidence IS 'Confidence of the partitioner in the rival, 0 to 1, not calibrated';
COMMENT ON COLUMN pdb_update.partition_domain.rival_defeat IS 'Why the rival is no domain: not_sure (below the least confidence), too_small (few residues), not_worth (explains too little), parts (whole domains of its H-group fill it), weaker (evidence), together (the domains chosen explain more)';
CREATE INDEX ON pdb_update.partition_domain (confidence);
