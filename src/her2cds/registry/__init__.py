"""What the trial registry says today, beside what the reviews said: read from files that the user downloaded."""
