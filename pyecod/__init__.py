"""pyECOD: evolutionary domains for new protein structures.

The science and the records, in plain Python: nothing in this package needs Prefect or Dask.
"""

__version__ = "0.2.0"
