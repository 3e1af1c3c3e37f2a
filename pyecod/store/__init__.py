"""PostgreSQL: reach it, keep its schema up to date, load batches, verify, import, record provenance."""

from pyecod.store.connection import Store, embedded_postgres, open_store
from pyecod.store.embedded import EmbeddedPostgres
from pyecod.store.migrations import MigrationReport, grant_roles, migrate, pending_migrations, require_schema
from pyecod.store.rows import BatchExport, ChainRow, Rejection, batch_rows, export_batch
from pyecod.store.sync import SyncReport, sync_batch, sync_batches, sync_folder

__all__ = [
    "BatchExport",
    "ChainRow",
    "EmbeddedPostgres",
    "MigrationReport",
    "Rejection",
    "Store",
    "SyncReport",
    "batch_rows",
    "embedded_postgres",
    "export_batch",
    "grant_roles",
    "migrate",
    "open_store",
    "pending_migrations",
    "require_schema",
    "sync_batch",
    "sync_batches",
    "sync_folder",
]
