-- What of a domain alignments speak for, beside what is assigned to it; and the flag of a part that is inferred.

ALTER TABLE pdb_update.partition_domain
    ADD COLUMN evidence_range text CHECK (evidence_range ~ '^[0-9]+-[0-9]+(,[0-9]+-[0-9]+)*$');
COMMENT ON COLUMN pdb_update.partition_domain.range IS
    'What is assigned: SEQRES numbering, 1-based inclusive, e.g. 10-110,150-200';
COMMENT ON COLUMN pdb_update.partition_domain.evidence_range IS
    'The part of range that alignments speak for, before free residues were given away; NULL: made by 0.1 or older';

ALTER TABLE pdb_update.quality_flag DROP COLUMN message;
ALTER TABLE pdb_update.quality_flag
    ADD COLUMN message text NOT NULL GENERATED ALWAYS AS (
        CASE flag
            WHEN 'partial' THEN 'the domain covers too little of the reference domain that it is like'
            WHEN 'discontinuous' THEN 'the domain has more than one segment'
            WHEN 'discontinuity_inferred' THEN 'nothing is aligned with the segment beyond the nested domain'
            WHEN 'new_representative_candidate' THEN 'much of the domain is aligned with no reference domain'
            WHEN 'conflict' THEN 'the hits over the domain are of different H-groups'
            ELSE flag
        END
    ) STORED;
COMMENT ON COLUMN pdb_update.quality_flag.message IS 'What the flag says, in words';
COMMENT ON COLUMN pdb_update.quality_flag.flag IS
    'partial, discontinuous, discontinuity_inferred, new_representative_candidate, conflict';
