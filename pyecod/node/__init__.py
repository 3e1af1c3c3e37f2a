"""How anything runs on a machine: external programs, scratch folders, copies of databases on the node's own disk."""
