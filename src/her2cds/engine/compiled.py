"""The knowledge base compiled for durable-rules, and its evaluation for one patient.

Every condition is written as alternatives of literals (normal_form); every alternative becomes one
durable rule over flags, one flag per literal. Each ruleset is then asked twice about a patient: once with the
flags of the literals that are true (*definite*), once with those that are true or unknown (*possible*). A
rule that fires in the first pass is satisfied; one that fires only in the second is undetermined. Because
Kleene's conjunction and disjunction are minimum and maximum, this gives exactly the truth of the condition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from her2cds.engine.derivation import derive_fact
from her2cds.engine.durable import MAX_FLAGS, MAX_RULES, Ruleset, flags_collide
from her2cds.engine.strata import derivers, levels
from her2cds.errors import EngineError
from her2cds.facts.truth import Truth
from her2cds.facts.values import FactBase, truth_of
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import Always, Leaf, Named
from her2cds.knowledge.normal_form import Literal, alternatives

Verdicts = dict[str, Truth]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Verdicts of all nodes, and the facts with the derived ones added."""

    verdicts: Verdicts
    facts: FactBase


# What a ruleset answered is kept for so many patterns of flags; then the memory starts afresh.
_MOST_ANSWERS = 256

Answer = tuple[tuple[str, Truth], ...]


@dataclass(slots=True)
class _Shard:
    """One ruleset; flag, number of the atom and sign of each literal; and the node that each rule belongs to.

    A ruleset's answer depends on the flags alone, and most patients share most patterns of flags (no alteration
    known, say): `answers` remembers what it said, by the definite and the possible flags as bits.
    """

    ruleset: Ruleset
    literals: tuple[tuple[str, int, bool], ...]
    node_of: Mapping[str, str]
    answers: dict[tuple[int, int], Answer]

    def ask(self, definite: int, possible: int) -> Answer:
        """The nodes that are true or unknown, with their truth."""
        answer = self.answers.get((definite, possible))
        if answer is None:
            answer = self._fire(definite, possible)
            if len(self.answers) >= _MOST_ANSWERS:
                self.answers.clear()
            self.answers[definite, possible] = answer
        return answer

    def _fire(self, definite: int, possible: int) -> Answer:
        sure = self.ruleset.fire(self._flags(definite))
        open_ = sure if possible == definite else self.ruleset.fire(self._flags(possible))
        verdicts: Verdicts = {}
        for rule in open_:
            node = self.node_of[rule]
            verdict = Truth.TRUE if rule in sure else Truth.UNKNOWN
            verdicts[node] = max(verdict, verdicts.get(node, Truth.FALSE))
        return tuple(verdicts.items())

    def _flags(self, bits: int) -> list[str]:
        return [flag for place, (flag, _, _) in enumerate(self.literals) if bits >> place & 1]


@dataclass(slots=True)
class _CompiledLevel:
    nodes: tuple[str, ...]
    always: tuple[str, ...]
    shards: tuple[_Shard, ...]
    completes: tuple[str, ...]


class CompiledRules:
    """All conditions of a knowledge base as durable rulesets. Compile once, evaluate often, from any thread."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self._derivers = {
            fact: tuple(knowledge.rules[rule] for rule in rules) for fact, rules in derivers(knowledge).items()
        }
        # Every leaf and every criterion once: its truth is looked up once for each patient.
        self._atoms: dict[Leaf | Named, int] = {}
        self._levels = tuple(
            self._compile(number, level.nodes, level.completes) for number, level in enumerate(levels(knowledge))
        )
        self._atom_list = tuple(self._atoms)

    def evaluate(self, facts: FactBase) -> Outcome:
        """Verdicts for one patient. Pure: `facts` is not changed, nothing is kept.

        Raises EngineError if any rule fails to evaluate.
        """
        facts = dict(facts)
        verdicts: Verdicts = {}
        truths: list[Truth | None] = [None] * len(self._atoms)
        for level in self._levels:
            verdicts.update(dict.fromkeys(level.nodes, Truth.FALSE))
            verdicts.update(dict.fromkeys(level.always, Truth.TRUE))
            for shard in level.shards:
                self._ask(shard, facts, verdicts, truths)
            for fact in level.completes:
                facts[fact] = derive_fact(self.knowledge.facts[fact], self._derivers[fact], verdicts)
        return Outcome(verdicts, facts)

    def _ask(self, shard: _Shard, facts: FactBase, verdicts: Verdicts, truths: list[Truth | None]) -> None:
        """Ask one ruleset twice and enter the verdicts. `truths` remembers what atoms came to for this patient."""
        definite = possible = 0
        bit = 1
        for _, number, affirmed in shard.literals:
            truth = truths[number]
            if truth is None:
                truth = truths[number] = self._truth(self._atom_list[number], facts, verdicts)
            if truth is Truth.UNKNOWN:
                possible |= bit
            elif (truth is Truth.TRUE) is affirmed:
                possible |= bit
                definite |= bit
            bit <<= 1
        for node, verdict in shard.ask(definite, possible):
            # The alternatives of a node may stand in two rulesets: the better one counts.
            if verdict > verdicts[node]:
                verdicts[node] = verdict

    @staticmethod
    def _truth(atom: Leaf | Named, facts: FactBase, verdicts: Verdicts) -> Truth:
        return verdicts[atom.criterion] if isinstance(atom, Named) else truth_of(atom, facts.get(atom.fact))

    def _compile(self, number: int, nodes: tuple[str, ...], completes: tuple[str, ...]) -> _CompiledLevel:
        conditions = self.knowledge.conditions
        always = tuple(node for node in nodes if isinstance(conditions[node], Always))
        shards = tuple(self._shards(number, [node for node in nodes if node not in always]))
        return _CompiledLevel(nodes, always, shards, completes)

    def _shards(self, number: int, nodes: list[str]) -> Iterator[_Shard]:
        rules: dict[str, tuple[Literal, ...]] = {}
        node_of: dict[str, str] = {}
        flags: set[str] = set()
        count = 0
        for node in nodes:
            for index, alternative in enumerate(alternatives(self.knowledge.conditions[node])):
                literals = tuple(sorted(alternative, key=str))
                added = {str(literal) for literal in literals}
                if rules and (len(rules) >= MAX_RULES or len(flags | added) > MAX_FLAGS):
                    yield self._shard(f"level{number}-{count}", rules, node_of)
                    rules, node_of, flags, count = {}, {}, set(), count + 1
                name = f"{node}#{index}"
                rules[name], node_of[name] = literals, node
                flags |= added
        if rules:
            yield self._shard(f"level{number}-{count}", rules, node_of)

    def _shard(self, name: str, rules: Mapping[str, tuple[Literal, ...]], node_of: Mapping[str, str]) -> _Shard:
        literals = {str(literal): literal for needed in rules.values() for literal in needed}
        clash = flags_collide(literals)
        if clash:
            raise EngineError(
                f"ruleset {name}: the engine cannot tell '{clash[0]}' from '{clash[1]}'; rename a fact or value"
            )
        ruleset = Ruleset(name, {rule: [str(literal) for literal in needed] for rule, needed in rules.items()})
        atoms = tuple(
            (flag, self._atoms.setdefault(literal.atom, len(self._atoms)), literal.affirmed)
            for flag, literal in literals.items()
        )
        return _Shard(ruleset, atoms, node_of, {})
