-- Provenance: which run did what, with which files, and how it went.

CREATE SEQUENCE pdb_update.job_root_number AS bigint;
COMMENT ON SEQUENCE pdb_update.job_root_number IS 'Numbers of flow runs: the first part of job.number';

CREATE TABLE pdb_update.job (
    number         text PRIMARY KEY CHECK (number ~ '^[1-9][0-9]*(\.[1-9][0-9]*)*$'),
    parent         text REFERENCES pdb_update.job ON DELETE CASCADE,
    sort_key       bigint[] NOT NULL GENERATED ALWAYS AS (string_to_array(number, '.')::bigint[]) STORED,
    name           text NOT NULL,
    batch_name     text,
    status         text NOT NULL CHECK (status IN ('PENDING', 'RUNNING', 'FINISHED', 'FAILED')),
    message        text,
    flow_run_id    text,
    task_run_id    text,
    host           text,
    pid            integer,
    created_at     timestamptz NOT NULL,
    started_at     timestamptz,
    finished_at    timestamptz,
    CHECK ((parent IS NULL) = (position('.' IN number) = 0)),
    CHECK ((status IN ('FINISHED', 'FAILED')) = (finished_at IS NOT NULL))
);
CREATE INDEX ON pdb_update.job (parent);
CREATE INDEX ON pdb_update.job (batch_name);
CREATE INDEX job_open ON pdb_update.job (host, pid) WHERE status IN ('PENDING', 'RUNNING');
COMMENT ON TABLE pdb_update.job IS 'Flow runs (1), their steps (1.2) and chunks (1.2.7)';
COMMENT ON COLUMN pdb_update.job.number IS 'Hierarchical number';
COMMENT ON COLUMN pdb_update.job.parent IS 'Job it is part of';
COMMENT ON COLUMN pdb_update.job.sort_key IS 'The number for ORDER BY: 1.10 comes after 1.9';
COMMENT ON COLUMN pdb_update.job.name IS 'What is done: update-weeks, search, …';
COMMENT ON COLUMN pdb_update.job.batch_name IS 'Batch it works on (which may not be loaded yet)';
COMMENT ON COLUMN pdb_update.job.status IS 'PENDING, RUNNING, FINISHED or FAILED';
COMMENT ON COLUMN pdb_update.job.message IS 'Why it failed';
COMMENT ON COLUMN pdb_update.job.flow_run_id IS 'Flow run in Prefect';
COMMENT ON COLUMN pdb_update.job.task_run_id IS 'Task run in Prefect';
COMMENT ON COLUMN pdb_update.job.host IS 'Machine of the process that recorded it';
COMMENT ON COLUMN pdb_update.job.pid IS 'Process that recorded it';
COMMENT ON COLUMN pdb_update.job.created_at IS 'When it was planned';
COMMENT ON COLUMN pdb_update.job.started_at IS 'When it began';
COMMENT ON COLUMN pdb_update.job.finished_at IS 'When it ended, well or badly';

CREATE TABLE pdb_update.job_file (
    number        text NOT NULL REFERENCES pdb_update.job ON DELETE CASCADE,
    role          text NOT NULL CHECK (role IN ('IN', 'OUT')),
    path          text NOT NULL,
    size          bigint CHECK (size >= 0),
    sha256        text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    import_source text,
    recorded_at   timestamptz NOT NULL,
    PRIMARY KEY (number, role, path)
);
CREATE INDEX ON pdb_update.job_file (path);
CREATE INDEX ON pdb_update.job_file (sha256);
COMMENT ON TABLE pdb_update.job_file IS 'Files a job read and wrote';
COMMENT ON COLUMN pdb_update.job_file.number IS 'The job';
COMMENT ON COLUMN pdb_update.job_file.role IS 'IN or OUT';
COMMENT ON COLUMN pdb_update.job_file.path IS 'Absolute path when it was recorded';
COMMENT ON COLUMN pdb_update.job_file.size IS 'Bytes; NULL: the file was gone when it was to be recorded';
COMMENT ON COLUMN pdb_update.job_file.sha256 IS 'Checksum of the content; NULL: gone, or not asked for';
COMMENT ON COLUMN pdb_update.job_file.import_source IS 'Where an imported file came from (URL or path)';
COMMENT ON COLUMN pdb_update.job_file.recorded_at IS 'When it was recorded';

CREATE TABLE pdb_update.job_float_value (
    number text NOT NULL REFERENCES pdb_update.job ON DELETE CASCADE,
    name   text NOT NULL,
    value  double precision NOT NULL,
    PRIMARY KEY (number, name)
);
CREATE INDEX ON pdb_update.job_float_value (name);
COMMENT ON TABLE pdb_update.job_float_value IS 'Numbers measured by a job: coverage, counts, seconds, peak memory';
COMMENT ON COLUMN pdb_update.job_float_value.number IS 'The job';
COMMENT ON COLUMN pdb_update.job_float_value.name IS 'What was measured; the unit is part of the name (seconds, peak_mb)';
COMMENT ON COLUMN pdb_update.job_float_value.value IS 'The number';

CREATE TABLE pdb_update.job_char_value (
    number text NOT NULL REFERENCES pdb_update.job ON DELETE CASCADE,
    name   text NOT NULL,
    value  text NOT NULL,
    PRIMARY KEY (number, name)
);
CREATE INDEX ON pdb_update.job_char_value (name);
COMMENT ON TABLE pdb_update.job_char_value IS 'Words recorded by a job: versions, outcomes, hosts';
COMMENT ON COLUMN pdb_update.job_char_value.number IS 'The job';
COMMENT ON COLUMN pdb_update.job_char_value.name IS 'What was recorded';
COMMENT ON COLUMN pdb_update.job_char_value.value IS 'The text';
