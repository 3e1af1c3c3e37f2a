-- Why residues belong to no domain, and the best that was found there: one row a region.
ALTER TABLE pdb_update.partition_run ADD CONSTRAINT partition_run_unassigned_reason CHECK (NOT jsonb_path_exists(unassigned,
    '$[*].reason ? (!(@ == "no_evidence" || @ == "weak_evidence" || @ == "unclassified_homolog" || @ == "conflict" || @ == "disorder" || @ == "low_complexity" || @ == "tag" || @ == "linker" || @ == "too_short"))'));
COMMENT ON COLUMN pdb_update.partition_run.unassigned IS 'Regions without a domain: [{"range": "1-12", "reason": "tag"}], with candidate and homolog where there are any; as rows in unassigned_region';

CREATE VIEW pdb_update.unassigned_region AS
SELECT r.run_id,
       u.number::integer                                  AS region_number,
       r.pdb_id,
       r.chain_id,
       r.release_date,
       r.is_current,
       u.region ->> 'range'                               AS range,
       u.region ->> 'reason'                              AS reason,
       u.region ->> 'homolog'                             AS homolog,
       u.region #>> '{candidate,ecod_domain}'             AS candidate_domain,
       u.region #>> '{candidate,t_group}'                 AS candidate_t_group,
       u.region #>> '{candidate,h_group}'                 AS candidate_h_group,
       u.region #>> '{candidate,source}'                  AS candidate_source,
       (u.region #>> '{candidate,confidence}')::double precision  AS candidate_confidence,
       (u.region #>> '{candidate,evalue}')::double precision      AS candidate_evalue,
       (u.region #>> '{candidate,probability}')::double precision AS candidate_probability
FROM pdb_update.partition_run r
CROSS JOIN LATERAL jsonb_array_elements(r.unassigned) WITH ORDINALITY AS u (region, number);
COMMENT ON VIEW pdb_update.unassigned_region IS 'Regions without a domain, why, and the best that was found there and made no domain';
COMMENT ON COLUMN pdb_update.unassigned_region.region_number IS '1, 2, 3… along the chain';
COMMENT ON COLUMN pdb_update.unassigned_region.reason IS 'no_evidence: no search found anything here; weak_evidence: hits, none of them enough for a domain; unclassified_homolog: a reference chain aligns here and has no ECOD domain there; conflict: a domain beside it excludes the one proposed here; disorder: most residues are not observed in the structure; low_complexity: most residues are of low complexity; tag: expression tag; linker: between two domains and shorter than a domain; too_short: shorter than a domain';
COMMENT ON COLUMN pdb_update.unassigned_region.homolog IS 'Reference chain that aligns here and has no ECOD domain there';
COMMENT ON COLUMN pdb_update.unassigned_region.candidate_domain IS 'Reference domain of the best that was found and made no domain; NULL where there is none';
COMMENT ON COLUMN pdb_update.unassigned_region.candidate_confidence IS 'Confidence of the partitioner in the candidate, 0 to 1, not calibrated';
COMMENT ON COLUMN pdb_update.unassigned_region.candidate_probability IS 'HHsearch probability of the candidate, per cent';
