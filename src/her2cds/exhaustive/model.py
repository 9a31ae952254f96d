"""What an exhaustive check asks, what it counted, and what it found."""

from __future__ import annotations

from dataclasses import dataclass, field

from her2cds.exhaustive.sweep import Swept


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, and a profile that shows it: fact by fact, everything else being of no account."""

    message: str
    profile: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The fault, with its profile below it."""
        return "\n      ".join([self.message, *self.profile])


@dataclass(slots=True)
class Answer:
    """One question with its counts.

    `combinations` are those of the classes of values of all facts that the question reads, `impossible` those among
    them that no patient can show or that are not asked about, `cases` what is left after those that no rule tells
    apart are counted together, and `outcomes` how many combinations come to what. `gaps` are what the knowledge base
    has no rule for: the patient is told so with a reason, and it is no fault.
    """

    question: str
    about: str
    facts: int = 0
    combinations: int = 0
    impossible: int = 0
    cases: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    gaps: list[Fault] = field(default_factory=list)

    def count(self, swept: Swept) -> None:
        """Enter the counts of a sweep."""
        self.facts += swept.variables
        self.combinations += swept.combinations
        self.impossible += swept.impossible
        self.cases += len(swept.cases)

    def came_to(self, outcome: str, combinations: int) -> None:
        """Enter what some combinations come to."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + combinations
