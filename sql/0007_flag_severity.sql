-- How much a flag matters, and what it says, beside its name; by the flag, so that rows loaded before have both too.

ALTER TABLE pdb_update.quality_flag
    ADD COLUMN severity text NOT NULL GENERATED ALWAYS AS (
        CASE flag WHEN 'conflict' THEN 'warning' WHEN 'partial' THEN 'warning' ELSE 'note' END
    ) STORED,
    ADD COLUMN message text NOT NULL GENERATED ALWAYS AS (
        CASE flag
            WHEN 'partial' THEN 'the domain covers too little of the reference domain that it is like'
            WHEN 'discontinuous' THEN 'the domain has more than one segment'
            WHEN 'new_representative_candidate' THEN 'much of the domain is aligned with no reference domain'
            WHEN 'conflict' THEN 'the hits over the domain are of different H-groups'
            ELSE flag
        END
    ) STORED;
COMMENT ON COLUMN pdb_update.quality_flag.severity IS 'warning: look at it before the domain is used; note: worth knowing';
COMMENT ON COLUMN pdb_update.quality_flag.message IS 'What the flag says, in words';
