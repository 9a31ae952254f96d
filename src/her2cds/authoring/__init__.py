"""Help for those who write the rules: schemas for editors, finding entries, new entries, formatting."""
