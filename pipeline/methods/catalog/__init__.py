"""The semantic catalog of a generator (Editing in Style, Collins et al. 2020, Sec. 3)."""
