"""PostgreSQL: reach it, keep its schema up to date, load batches, verify, import, record provenance."""

from pyecod.store.connection import Store, embedded_postgres, open_store
from pyecod.store.embedded import EmbeddedPostgres
from pyecod.store.jobs.log import Job, JobLog, track_job
from pyecod.store.jobs.notes import JobStatus
from pyecod.store.migrations import (
    ROLES,
    MigrationReport,
    describe_store,
    grant_roles,
    migrate,
    pending_migrations,
    require_schema,
)
from pyecod.store.production import Action, ImportReport, Strategy, import_results
from pyecod.store.rows import BatchRows, ChainRow, Rejection, batch_rows, collect_batch
from pyecod.store.sync import SyncReport, sync_batch, sync_batches, sync_folder
from pyecod.store.verify import Disagreement, VerifyReport, verify

__all__ = [
    "ROLES",
    "Action",
    "BatchRows",
    "ChainRow",
    "Disagreement",
    "EmbeddedPostgres",
    "ImportReport",
    "Job",
    "JobLog",
    "JobStatus",
    "MigrationReport",
    "Rejection",
    "Store",
    "Strategy",
    "SyncReport",
    "VerifyReport",
    "batch_rows",
    "collect_batch",
    "describe_store",
    "embedded_postgres",
    "grant_roles",
    "import_results",
    "migrate",
    "open_store",
    "pending_migrations",
    "require_schema",
    "sync_batch",
    "sync_batches",
    "sync_folder",
    "track_job",
    "verify",
]
