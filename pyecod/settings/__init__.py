"""Settings: one typed tree, read from profile < YAML file < environment (``PYECOD_…``) < command line."""

from pyecod.settings.fetch import FetchSettings
from pyecod.settings.sections import (
    AlertSettings,
    ChainSettings,
    ClusterSettings,
    DatabaseSettings,
    PartitionSettings,
    QualitySettings,
    RepairSettings,
    RunSettings,
    ScratchSettings,
    SearchSettings,
    SlurmSettings,
    WorkerSettings,
    data_home,
)
from pyecod.settings.tree import Setting, Settings, describe_settings, load_settings, settings_sources

__all__ = [
    "AlertSettings",
    "ChainSettings",
    "ClusterSettings",
    "DatabaseSettings",
    "FetchSettings",
    "PartitionSettings",
    "QualitySettings",
    "RepairSettings",
    "RunSettings",
    "ScratchSettings",
    "SearchSettings",
    "Setting",
    "Settings",
    "SlurmSettings",
    "WorkerSettings",
    "data_home",
    "describe_settings",
    "load_settings",
    "settings_sources",
]
