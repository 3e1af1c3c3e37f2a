-- Domains that are too long for their family: two that were merged, or one more repeat.

ALTER TABLE pdb_update.quality_flag DROP COLUMN severity, DROP COLUMN message;
ALTER TABLE pdb_update.quality_flag
    ADD COLUMN severity text NOT NULL GENERATED ALWAYS AS (
        CASE WHEN flag IN ('conflict', 'partial', 'merged') THEN 'warning' ELSE 'note' END
    ) STORED,
    ADD COLUMN message text NOT NULL GENERATED ALWAYS AS (
        CASE flag
            WHEN 'partial' THEN 'the domain covers too little of the reference domain that it is like'
            WHEN 'discontinuous' THEN 'the domain has more than one segment'
            WHEN 'discontinuity_inferred' THEN 'nothing is aligned with the segment beyond the nested domain'
            WHEN 'new_representative_candidate' THEN 'much of the domain is aligned with no reference domain'
            WHEN 'conflict' THEN 'the hits over the domain are of different H-groups'
            WHEN 'merged' THEN 'the domain is too long for its family: it may be two'
            WHEN 'repeat' THEN 'the domain is longer than others of its family, whose members vary by whole repeats'
            ELSE flag
        END
    ) STORED;
COMMENT ON COLUMN pdb_update.quality_flag.severity IS 'warning: look at it before the domain is used; note: worth knowing';
COMMENT ON COLUMN pdb_update.quality_flag.message IS 'What the flag says, in words';
COMMENT ON COLUMN pdb_update.quality_flag.flag IS
    'partial, discontinuous, discontinuity_inferred, new_representative_candidate, conflict, merged, repeat';
