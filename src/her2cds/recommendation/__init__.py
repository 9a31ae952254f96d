"""From verdicts to ordered candidates: offers gathered, restrictions applied, ranked."""
