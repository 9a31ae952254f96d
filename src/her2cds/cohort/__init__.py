"""Many patients at once: invented ones, a run over files of any size, its summary, and the effect of new rules."""
