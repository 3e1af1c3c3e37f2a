-- What people and the next consumers ask for.

CREATE VIEW pdb_update.release_summary AS
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
       r.completed_at
FROM pdb_update.weekly_release r
LEFT JOIN (pdb_update.chain_status c JOIN pdb_update.batch b ON b.batch_name = c.batch_name AND b.batch_type <> 'fasta')
       ON c.release_date = r.release_date
GROUP BY r.release_date;
COMMENT ON VIEW pdb_update.release_summary IS 'Each week in one line: entries, chains, domains, quality, after all repairs';

CREATE VIEW pdb_update.chains_needing_hhsearch AS
SELECT pdb_id, chain_id, release_date, batch_name, sequence_length, blast_coverage, hhsearch_status, representative, is_representative
FROM pdb_update.chain_status
WHERE can_classify AND needs_hhsearch AND hhsearch_status <> 'complete';
COMMENT ON VIEW pdb_update.chains_needing_hhsearch IS 'Chains with too little BLAST coverage whose profile search is not done';

CREATE VIEW pdb_update.failed_chains AS
SELECT pdb_id, chain_id, release_date, batch_name, failed_step, failure_reason, attempts,
       blast_status, hhsearch_status, partition_status, sequence_length, updated_at
FROM pdb_update.chain_status
WHERE 'failed' IN (blast_status, hhsearch_status, partition_status);
COMMENT ON VIEW pdb_update.failed_chains IS 'Chains whose last attempt failed, and why';

CREATE VIEW pdb_update.partition_quality_summary AS
SELECT release_date,
       batch_name,
       reference_version,
       algorithm_version,
       quality,
       count(*)                                           AS chains,
       sum(domain_count)                                  AS domains,
       avg(coverage)                                      AS mean_coverage,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY coverage) AS median_coverage,
       avg(domain_count)                                  AS domains_per_chain
FROM pdb_update.partition_run
WHERE is_current
GROUP BY release_date, batch_name, reference_version, algorithm_version, quality;
COMMENT ON VIEW pdb_update.partition_quality_summary IS 'Current partitions by release, versions and quality';

CREATE VIEW pdb_update.cluster_members_needing_propagation AS
SELECT m.clustering_id, m.cluster_number, m.pdb_id, m.chain_id, m.identity, m.coverage, m.propagation,
       rep.pdb_id AS representative_pdb_id, rep.chain_id AS representative_chain_id, run.run_id AS representative_run_id
FROM pdb_update.cluster_member m
JOIN pdb_update.cluster_member rep
     ON rep.clustering_id = m.clustering_id AND rep.cluster_number = m.cluster_number AND rep.is_representative
JOIN LATERAL (SELECT r.run_id FROM pdb_update.partition_run r
              WHERE r.pdb_id = rep.pdb_id AND r.chain_id = rep.chain_id AND r.is_current
              ORDER BY r.created_at DESC, r.run_id DESC LIMIT 1) run ON true
WHERE NOT m.is_representative
  AND m.propagation IN ('pending', 'failed')
  AND NOT EXISTS (SELECT 1 FROM pdb_update.partition_run own
                  WHERE own.pdb_id = m.pdb_id AND own.chain_id = m.chain_id AND own.is_current);
COMMENT ON VIEW pdb_update.cluster_members_needing_propagation IS 'Members without a partition of their own whose representative has one';

CREATE VIEW pdb_update.repair_outcome AS
SELECT rc.batch_name, rb.reason, rc.pdb_id, rc.chain_id, rc.release_date, rc.accepted,
       was.domain_count AS domains_before, now.domain_count AS domains_after,
       was.coverage AS coverage_before, now.coverage AS coverage_after,
       was.quality AS quality_before, now.quality AS quality_after,
       was.run_id AS run_before, now.run_id AS run_after, now.is_current AS is_current
FROM pdb_update.repair_chain rc
JOIN pdb_update.repair_batch rb USING (batch_name)
LEFT JOIN LATERAL (SELECT * FROM pdb_update.partition_run r
                   WHERE r.batch_name = rc.batch_name AND r.pdb_id = rc.pdb_id AND r.chain_id = rc.chain_id
                   ORDER BY r.run_number DESC LIMIT 1) now ON true
LEFT JOIN LATERAL (SELECT * FROM pdb_update.partition_run r
                   WHERE r.pdb_id = rc.pdb_id AND r.chain_id = rc.chain_id AND r.release_date = rc.release_date
                     AND r.batch_name <> rc.batch_name AND r.accepted AND r.created_at <= coalesce(now.created_at, rc.updated_at)
                   ORDER BY r.created_at DESC, r.run_id DESC LIMIT 1) was ON true;
COMMENT ON VIEW pdb_update.repair_outcome IS 'Each repaired chain before and after';

CREATE VIEW pdb_update.batch_kpi AS
WITH newest AS (
    SELECT DISTINCT ON (batch_name, pdb_id, chain_id) run_id, batch_name, quality, domain_count, coverage
    FROM pdb_update.partition_run
    ORDER BY batch_name, pdb_id, chain_id, run_number DESC
), partitions AS (
    SELECT batch_name,
           count(*)                                                       AS partitioned,
           sum(domain_count)                                              AS domains,
           count(*) FILTER (WHERE quality = 'good')                       AS good,
           count(*) FILTER (WHERE quality IN ('fragmentary', 'failed'))   AS poor,
           avg(coverage) FILTER (WHERE domain_count > 0)                  AS mean_coverage
    FROM newest
    GROUP BY batch_name
), evidence AS (
    SELECT n.batch_name,
           jsonb_object_agg(n.evidence_type, jsonb_build_object('found', found, 'kept', kept,
                            'considered', considered, 'accepted', accepted)) AS evidence
    FROM (SELECT n.batch_name, e.evidence_type, sum(e.found) AS found, sum(e.kept) AS kept,
                 sum(e.considered) AS considered, sum(e.accepted) AS accepted
          FROM newest n JOIN pdb_update.partition_evidence e USING (run_id)
          GROUP BY n.batch_name, e.evidence_type) n
    GROUP BY n.batch_name
), chains AS (
    SELECT batch_name,
           count(*) FILTER (WHERE can_classify) AS classifiable,
           count(*) FILTER (WHERE 'failed' IN (blast_status, hhsearch_status, partition_status)) AS failed,
           count(*) FILTER (WHERE needs_hhsearch) AS hhsearch,
           sum(seconds) AS seconds
    FROM pdb_update.chain_status
    GROUP BY batch_name
)
SELECT b.batch_name, b.batch_type, b.release_date, b.status, b.reference_version,
       b.chain_count                                          AS chains,
       coalesce(c.classifiable, 0)                            AS classifiable_chains,
       coalesce(p.partitioned, 0)                             AS partitioned_chains,
       coalesce(c.failed, 0)                                  AS failed_chains,
       coalesce(c.hhsearch, 0)                                AS hhsearch_chains,
       coalesce(p.domains, 0)                                 AS domains,
       p.good::double precision / nullif(p.partitioned, 0)    AS good_share,
       p.poor::double precision / nullif(p.partitioned, 0)    AS poor_share,
       p.mean_coverage,
       e.evidence,
       c.seconds,
       b.completed_at - b.created_at                          AS wall_time
FROM pdb_update.batch b
LEFT JOIN partitions p USING (batch_name)
LEFT JOIN evidence e USING (batch_name)
LEFT JOIN chains c USING (batch_name);
COMMENT ON VIEW pdb_update.batch_kpi IS 'Each batch in numbers; chains that a repair has taken over count with the repair in the chain columns';
