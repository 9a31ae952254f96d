"""Benchmarks: how fast her2cds is, where the time goes, and how it stands beside other rules engines."""
