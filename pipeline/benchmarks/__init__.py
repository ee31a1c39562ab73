"""What ``scripts/benchmark.py`` measures, where it takes more than a few functions."""
