"""The treatment so far of an invented patient: courses one after the other, in days from the diagnosis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from her2cds.cohort.chance import Chance

# Names as charts write them: ids, brand names, abbreviations and named combinations.
_TAXANES = ("docetaxel", "paclitaxel", "nab-paclitaxel")
_DUAL = (("trastuzumab", "pertuzumab"), ("Herceptin", "Perjeta"), ("Phesgo",))
_T_DXD = ("T-DXd", "Enhertu", "trastuzumab deruxtecan")
_T_DM1 = ("T-DM1", "Kadcyla", "trastuzumab emtansine")
_LATE_HER2 = (
    ("lapatinib", "capecitabine"),
    ("neratinib", "capecitabine"),
    ("margetuximab", "vinorelbine"),
    ("pyrotinib", "capecitabine"),
    ("trastuzumab", "vinorelbine"),
    ("trastuzumab", "eribulin"),
)
_ENDOCRINE = (("palbociclib", "letrozole"), ("ribociclib", "letrozole"), ("abemaciclib", "fulvestrant"))
_CHEMOTHERAPY = (("capecitabine",), ("paclitaxel",), ("eribulin",), ("vinorelbine",), ("gemcitabine", "carboplatin"))
# Median months that a line lasts: longest in the first, shorter after.
_MONTHS_OF_LINE = (18.0, 10.0, 7.0, 5.0, 4.0, 4.0)
_MONTHS_OF_MAINTENANCE = 8.0
_MONTHS_TO_RELAPSE = 22.0


@dataclass(frozen=True, slots=True)
class Biology:
    """What the cancer is, before any treatment."""

    her2: str
    hr_positive: bool


@dataclass(slots=True)
class Course:
    """The courses in the form of a profile, but with days from the diagnosis in place of dates."""

    courses: list[dict[str, Any]] = field(default_factory=list)
    today: int = 0
    relapse: int | None = None
    surgery: int | None = None

    def had(self, names: tuple[str, ...]) -> bool:
        """Whether any of these agents was given."""
        return any(agent in names for course in self.courses for agent in course["agents"])

    def had_all(self, regimen: tuple[str, ...]) -> bool:
        """Whether every agent of a regimen was given, at whatever time."""
        return {*regimen} <= {agent for course in self.courses for agent in course["agents"]}

    @property
    def goes_on(self) -> bool:
        """Whether a treatment for advanced disease goes on."""
        return any("ongoing" in course for course in self.courses)

    @property
    def had_t_dxd(self) -> bool:
        """Whether T-DXd was given."""
        return self.had(_T_DXD)

    @property
    def had_taxane_or_antibody(self) -> bool:
        """Whether a drug was given to which a hypersensitivity is common."""
        return self.had((*_TAXANES, "trastuzumab", "Herceptin", "Phesgo", "TCHP", "TCH"))

    @property
    def had_endocrine(self) -> bool:
        """Whether an endocrine drug was given."""
        return self.had(("letrozole", "fulvestrant", "anastrozole", "tamoxifen"))


class CourseMaker:
    """Invents the course that fits a biology and a present state."""

    def __init__(self, chance: Chance, biology: Biology) -> None:
        self._chance = chance
        self._biology = biology
        self._her2 = biology.her2 == "positive"
        self._course = Course()

    def early(self, phase: str) -> Course:
        """Early disease: before surgery, after it, or after a year of adjuvant anti-HER2 therapy."""
        if phase == "before_surgery":
            self._course.today = self._chance.whole(10, 60)
            return self._course
        self._local_treatment(complete=phase == "adjuvant_anti_her2_completed")
        self._course.today += self._chance.whole(14, 200 if phase == "adjuvant_anti_her2_completed" else 42)
        return self._course

    def advanced(self, lines: int, *, de_novo: bool, goes_on: bool) -> Course:
        """Advanced disease after `lines` that ended in progression, and one that goes on where it does."""
        if de_novo:
            self._course.today = self._chance.whole(7, 45)
        else:
            self._local_treatment(complete=True)
            self._relapse()
        for line in range(1, lines + 1):
            self._line(line)
        if goes_on:
            self._present_line(lines + 1)
        self._course.today += self._chance.whole(3, 21)
        return self._course

    # --- Early disease ------------------------------------------------------------------------------------

    def _local_treatment(self, *, complete: bool) -> None:
        """Surgery with treatment before or after it; `complete` adds the adjuvant treatment as a whole."""
        neoadjuvant = self._chance.with_share(0.6 if self._her2 else 0.35)
        residual = False
        self._course.today = self._chance.whole(14, 45)
        if neoadjuvant:
            residual = self._chance.happens("residual")
            response = "residual_disease" if residual else "pathological_complete"
            self._add("neoadjuvant", self._early_agents(), 130, "completed", best_response=response)
        self._course.today += self._chance.whole(14, 35)
        self._course.surgery = self._course.today
        if complete:
            self._adjuvant(neoadjuvant, residual)

    def _early_agents(self) -> tuple[str, ...]:
        if self._her2:
            return self._chance.one_of((("TCHP",), ("AC", "trastuzumab", "pertuzumab", "paclitaxel"), ("TCH",)))
        return self._chance.one_of((("AC", "paclitaxel"), ("EC", "docetaxel"), ("TC",)))

    def _adjuvant(self, neoadjuvant: bool, residual: bool) -> None:
        if not neoadjuvant and (self._her2 or self._chance.with_share(0.5)):
            self._add("adjuvant", self._early_agents(), 120, "completed")
        if self._biology.hr_positive:
            days = self._chance.whole(300, 1500) if not self._her2 else 60
            self._add("adjuvant", (self._chance.one_of(("letrozole", "anastrozole", "tamoxifen")),), days, "completed")
        if self._her2:
            agent = self._chance.one_of(_T_DM1) if residual and self._chance.with_share(0.6) else "trastuzumab"
            self._add("adjuvant", (agent,), 300, "completed")

    def _relapse(self) -> None:
        """The relapse: under the adjuvant anti-HER2 therapy, soon after it, or later."""
        last = self._course.courses[-1] if self._course.courses else None
        if self._her2 and last and self._chance.happens("relapse_under_adjuvant"):
            if self._chance.with_share(0.5):
                last["stop_reason"] = "progression"
            else:
                self._course.today += self._chance.whole(20, 170)
        else:
            self._course.today += self._chance.days(_MONTHS_TO_RELAPSE) + 190
        self._course.today += self._chance.whole(1, 10)
        self._course.relapse = self._course.today

    # --- Advanced disease -----------------------------------------------------------------------------------

    def _line(self, line: int) -> None:
        """One line up to progression: a first part that may end in toxicity or maintenance, and the rest."""
        self._course.today += self._chance.whole(5, 28)
        agents = self._agents(line)
        days = self._chance.days(_MONTHS_OF_LINE[line - 1])
        if self._chance.happens("toxicity"):
            self._toxic(line, agents, days)
        elif line == 1 and any(one in _TAXANES for one in agents) and self._chance.happens("maintenance"):
            kept = tuple(one for one in agents if one not in _TAXANES) or ("letrozole",)
            self._add("metastatic", agents, 150, "maintenance_switch", line=line)
            self._add(
                "metastatic",
                kept,
                self._chance.days(_MONTHS_OF_MAINTENANCE),
                "progression",
                line=line,
                maintenance_of_previous=True,
                progression_site="systemic",
            )
        else:
            response = self._chance.one_of(("complete", "partial", "partial", "stable", "progression"))
            self._add(
                "metastatic",
                agents,
                days,
                "progression",
                line=line,
                progression_site="systemic",
                best_response=response,
            )

    def _toxic(self, line: int, agents: tuple[str, ...], days: int) -> None:
        """A course stopped for toxicity uses up no line: the other agents, or others, go on with its number."""
        blamed = agents[-1]
        extra = {} if len(agents) == 1 else {"stopped_agents": [blamed]}
        self._add("metastatic", agents, max(21, days // 3), "toxicity", line=line, **extra)
        rest = tuple(one for one in agents if one != blamed) or self._chance.one_of(_CHEMOTHERAPY)
        self._add(
            "metastatic",
            rest,
            max(21, days // 2),
            "progression",
            line=line,
            maintenance_of_previous=True,
            progression_site="systemic",
        )

    def _present_line(self, line: int) -> None:
        self._course.today += self._chance.whole(5, 28)
        start = self._course.today
        self._course.today += self._chance.days(5.0)
        self._course.courses.append(
            {"setting": "metastatic", "line": line, "agents": list(self._agents(line)), "start": start, "ongoing": True}
        )

    def _agents(self, line: int) -> tuple[str, ...]:
        """What is given in a line: the first regimen in question whose agents were not all given before."""
        return next(one for one in self._preferred(line) if not self._course.had_all(one))

    def _preferred(self, line: int) -> Iterator[tuple[str, ...]]:
        """Regimens in the order in which they come into question."""
        if self._her2:
            if line == 1:
                yield (*self._chance.one_of(_DUAL), self._chance.one_of(_TAXANES))
            if line <= 3:
                conjugates = (_T_DXD, _T_DM1) if self._chance.with_share(0.6) else (_T_DM1, _T_DXD)
                for names in conjugates:
                    if not self._course.had(names):
                        yield (self._chance.one_of(names),)
            if not self._course.had(("tucatinib",)):
                yield ("tucatinib", "trastuzumab", "capecitabine")
            yield from (one for one in _LATE_HER2 if self._chance.with_share(0.4))
        else:
            if self._biology.hr_positive and line <= 2:
                yield self._chance.one_of(_ENDOCRINE)
            if self._biology.her2 == "low" and line >= 2 and not self._course.had_t_dxd:
                yield (self._chance.one_of(_T_DXD),)
            if line >= 3:
                yield ("sacituzumab govitecan",)
        yield from (one for one in _CHEMOTHERAPY if self._chance.with_share(0.6))
        yield self._chance.one_of((("cisplatin",), ("etoposide",), ("topotecan",)))
        yield (f"study drug {line}",)

    def _add(self, setting: str, agents: tuple[str, ...], days: int, stop_reason: str, **more: Any) -> None:
        start = self._course.today
        self._course.today += days
        self._course.courses.append(
            {
                "setting": setting,
                "agents": list(agents),
                "start": start,
                "end": self._course.today,
                "stop_reason": stop_reason,
                **more,
            }
        )
