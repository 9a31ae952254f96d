"""How a replay answers what the service recorded: each kind of request as its route did, on that day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date as Date
from typing import Any

from her2cds.audit.replay import AnswerAgain
from her2cds.errors import ProfileError, ProfileFault
from her2cds.evaluation import KnowledgeBase
from her2cds.service.answers import Answers
from her2cds.service.bodies import object_in
from her2cds.service.bundles import reader_for
from her2cds.service.hooks.discovery import ServiceId
from her2cds.service.problems import ProblemError

AnswerOf = Callable[[Answers, dict[str, Any]], str]

_KINDS: dict[str, AnswerOf] = {
    "evaluate": Answers.report,
    "evaluate/fhir": Answers.proposals,
    "export/report.json": Answers.report,
    "export/report.fhir.json": Answers.proposals,
    "questions": Answers.questions,
    "explain": Answers.explanation,
    "what-if": Answers.comparison,
    "import": Answers.import_report,
}


def answers_again(base_url: str) -> Mapping[str, AnswerAgain]:
    """What a replay needs for each kind of request. `base_url` is that of the service: it stands in its cards."""
    kinds = dict(_KINDS)
    for service in ServiceId:
        kinds[f"cds-hooks/{service.hook}"] = _cards_of(service)
    return {kind: _again(answer, base_url) for kind, answer in kinds.items()}


def _cards_of(service: ServiceId) -> AnswerOf:
    return lambda answers, body: answers.cards(service, body)


def _again(answer: AnswerOf, base_url: str) -> AnswerAgain:
    def again(content: str, knowledge: KnowledgeBase, day: Date) -> str:
        answers = Answers(knowledge, reader_for(knowledge.knowledge, today=day), base_url, today=day)
        try:
            return answer(answers, object_in(content.encode()))
        except ProblemError as error:
            faults = error.faults or (ProfileFault("$", "a body that is refused", error.detail),)
            raise ProfileError(faults, "recorded request") from None

    return again
