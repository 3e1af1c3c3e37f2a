-- What is said of a job now also stands where it did not fail as a whole.
COMMENT ON COLUMN pdb_update.job.message IS 'Why it failed, or how much of it failed';
