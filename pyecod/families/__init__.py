"""Clusters: only representatives of similar sequences are searched, members get ranges of their own by alignment."""

from pyecod.families.build import cluster_sequences, read_clusters
from pyecod.families.collect import collect_sequences
from pyecod.families.mapping import Alignment, BadMappingError, align, map_partition
from pyecod.families.model import Cluster, ClusteredSequence, Clustering, ClusterSaving, Sequences
from pyecod.families.saved import load_clustering, save_clustering

__all__ = [
    "Alignment",
    "BadMappingError",
    "Cluster",
    "ClusterSaving",
    "ClusteredSequence",
    "Clustering",
    "Sequences",
    "align",
    "cluster_sequences",
    "collect_sequences",
    "load_clustering",
    "map_partition",
    "read_clusters",
    "save_clustering",
]
