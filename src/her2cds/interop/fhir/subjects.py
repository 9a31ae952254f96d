"""Whom each resource is about: the one patient that is wanted, somebody else, or nobody that can be told."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from her2cds.errors import ProfileError, ProfileFault
from her2cds.interop.fhir.addresses import plain_address, server_of, unversioned
from her2cds.interop.fhir.resources import Json, Resource, Resources, listed

Remarks = list[tuple[Resource, str]]
_SOMEBODY_ELSE = "about another patient"
_NOBODY = "nobody"  # the key of a subject that is no patient: a relative, a group, a device
_STRANGER = "a patient who is not in the input"
_OTHER_ADDRESS = "its patient has another address: read as the patient of the input, the only one, who has the same id"
_PEOPLE = ("Patient", "RelatedPerson", "Practitioner", "Person", "Group")


@dataclass(slots=True)
class Subjects:
    """The Patient (or None), the resources about the patient, those about somebody else, and those that may be."""

    patient: Resource | None = None
    about: list[Resource] = field(default_factory=list)
    others: Remarks = field(default_factory=list)
    doubtful: Remarks = field(default_factory=list)
    same_elsewhere: tuple[str, ...] = ()  # other addresses under which the patient was read


def of_one_patient(resources: Resources, clinical: tuple[str, ...], label: str, patient: str | None) -> Subjects:
    """Sort the resources by whom they are about.

    `clinical` are the types that must be about somebody; `patient` is the id, or the whole URL, of the one wanted.
    Raises ProfileError where the input holds several patients and none is named, or not the one that is.
    """
    registry = _Registry(resources)
    keys = [registry.key_of(one) for one in resources.all]
    elsewhere = registry.same_elsewhere(keys)
    away = {one.label for one, key in zip(resources.all, keys, strict=True) if key in elsewhere}
    keys = [elsewhere.get(key, key) if key is not None else None for key in keys]
    people = set(keys) - {None, _NOBODY, _STRANGER}
    wanted = _wanted(people, registry, label, patient)
    found = Subjects()
    for one, key in zip(resources.all, keys, strict=True):
        if key == _NOBODY:
            found.others.append((one, "about a relative, a group or a thing, not about the patient"))
        elif key not in (None, wanted):
            found.others.append((one, _SOMEBODY_ELSE))
        elif (focus := registry.focus_of(one)) is not None and elsewhere.get(focus, focus) != wanted:
            found.others.append((one, "its focus is another person"))
        elif one.type in clinical and key is None and len(people) > 1:
            found.others.append((one, f"does not say which of the {len(people)} patients it is about"))
        else:
            found.about.append(one)
            if one.type in clinical and key is None and registry.names_somebody(one):
                found.doubtful.append((one, "not known to be about this patient: read as the only one of the input"))
    found.doubtful += [(one, _OTHER_ADDRESS) for one in found.about if one.label in away]
    found.same_elsewhere = tuple(sorted(elsewhere)) if wanted in elsewhere.values() else ()
    patients = [one for one in found.about if one.type == "Patient"]
    found.patient = next((one for one in patients if registry.key_of(one) == wanted), next(iter(patients), None))
    return found


def _wanted(people: set[str | None], registry: _Registry, label: str, patient: str | None) -> str | None:
    """The key of the patient that is wanted; None where the input names nobody."""
    if patient is None:
        if len(people) > 1:
            fault = ProfileFault("$", f"{len(people)} patients", "one patient", "Name one: --patient ID.")
            raise ProfileError([fault], label)
        return next(iter(people), None)
    found = [one for one in people if one is not None and plain_address(patient) in registry.names[one]]
    if len(found) != 1:
        expected = f"one of {len(people)} patient ids" if not found else "an id that one patient has, or a fullUrl"
        raise ProfileError([ProfileFault("--patient", repr(patient), expected)], label)
    return found[0]


class _Registry:
    """The patients of the input, each under a key of its own."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._identifiers: dict[tuple[str, str], str] = {}
        self._systems: set[str] = set()
        self._servers: dict[str, set[str]] = defaultdict(set)
        self.names: dict[str, set[str]] = defaultdict(set)
        self._ids: dict[str, str] = {}  # of the Patients of the input, by key
        self._away: dict[str, str] = {}  # of those whose Patient is not in the input, and is referred to as Patient/ID
        for one in resources.of_type("Patient"):
            if one.server is not None:
                self._servers[str(one.content.get("id"))].add(one.server)
        for one in resources.of_type("Patient"):
            key = self._key_of_patient(one)
            for system, value in _identifiers(one.content.get("identifier")):
                self._identifiers.setdefault((system, value), key)
                self._systems.add(system)

    def key_of(self, resource: Resource) -> str | None:
        """The key of the patient whom a resource is or is about; None where it does not say."""
        if resource.type == "Patient":
            return self._key_of_patient(resource)
        origin, subject = resource, _subject(resource)
        if subject is None and resource.container is not None:
            origin, subject = resource.container, _subject(resource.container)
        return self._key(subject, origin)

    def same_elsewhere(self, keys: Sequence[str | None]) -> dict[str, str]:
        """The keys that are the only Patient of the input under other addresses, as behind a proxy, with the Patient's.

        None where there are several Patients, or a person with another id or whose id is not all that is known.
        """
        here = {self.key_of(one) for one in self._resources.of_type("Patient")}
        own = next(iter(here), None)
        others = set(keys) - here - {None, _NOBODY}
        if own is None or len(here) != 1 or {self._away.get(str(one)) for one in others} != {self._ids.get(own, "")}:
            return {}
        for one in others:
            self.names[own] |= self.names[str(one)]
        return {str(one): own for one in others}

    def names_somebody(self, resource: Resource) -> bool:
        """Whether a resource has a subject at all, be it one that leads nowhere."""
        return any(
            one.get(part) for one in listed(_subject(resource)) for part in ("reference", "identifier", "display")
        )

    def focus_of(self, resource: Resource) -> str | None:
        """The key of the person whom an Observation made on the patient is really about; None where there is none."""
        for reference in listed(resource.content.get("focus")):
            if _type_of(reference, self._resources.follow(reference, resource)) in _PEOPLE:
                return self._key(reference, resource)
        return None

    def _key(self, subject: object, origin: Resource) -> str | None:
        reference = next(iter(listed(subject)), {})
        if (asked := _asked_for(reference)) is not None:
            return self._by_identifier({"identifier": asked}) or self._by_name_alone(asked)
        found = self._resources.follow(reference, origin)
        kind = _type_of(reference, found)
        if found is not None and kind == "Patient":
            return self._key_of_patient(found)
        if kind not in (None, "Patient"):
            return _NOBODY
        return self._by_identifier(reference) or self._unresolved(reference, origin) or self._only_identified(reference)

    def _by_identifier(self, reference: Json) -> str | None:
        """The patient who bears the identifier; somebody else where that system names patients, and none so."""
        for system, value in _identifiers(reference.get("identifier")):
            if (system, value) in self._identifiers:
                return self._identifiers[system, value]
            if system and system in self._systems and "reference" not in reference:
                return _STRANGER
        return None

    def _only_identified(self, reference: Json) -> str | None:
        """With no Patient in the input, who is known by an identifier alone: two of them never become one person."""
        somebody = next(self._resources.of_type("Patient"), None)
        return None if somebody or "reference" in reference else self._by_name_alone(reference.get("identifier"))

    def _by_name_alone(self, identifier: object) -> str | None:
        return next((self._named("|".join(one), one[1]) for one in _identifiers(identifier)), None)

    def _unresolved(self, reference: Json, origin: Resource) -> str | None:
        """The key of a patient whose resource is not in the input, or None where several have that id."""
        name = reference.get("reference")
        if not isinstance(name, str) or not name or name.startswith("#"):
            return None
        name = unversioned(name)
        identity = name.split("/")[-1].removeprefix("urn:uuid:")
        server = server_of(name) or origin.server
        if not identity or (server is None and identity in self._servers):
            return None
        key = f"{server}/{identity}" if server else identity
        if name.endswith(f"Patient/{identity}"):
            self._away[key] = identity
        return self._named(key, identity, name)

    def _key_of_patient(self, patient: Resource) -> str:
        """The key by id and server, by the fullUrl where there is no id, else by the place in the input."""
        if patient.container is not None:
            return self._key_of_contained(patient)
        identity = str(patient.content.get("id") or "")
        if not identity:
            return self._named(patient.url or patient.label)
        servers = {patient.server} if patient.server else self._servers.get(identity, set())
        key = f"{next(iter(servers))}/{identity}" if len(servers) == 1 else identity
        self._ids[key] = identity
        return self._named(key, identity, patient.url or identity)

    def _named(self, key: str, *names: str) -> str:
        """Remember by which names a patient can be asked for."""
        self.names[key].update(plain_address(one) for one in (key, *names))
        return key

    def _key_of_contained(self, patient: Resource) -> str:
        """A contained Patient is who bears its identifier; without one, the same person only where all is the same."""
        for one in _identifiers(patient.content.get("identifier")):
            if one in self._identifiers:
                return self._identifiers[one]
        key = json.dumps({**patient.content, "id": None}, sort_keys=True)
        return self._named(key, str(patient.content.get("id") or key))


def _asked_for(reference: Json) -> Json | None:
    """The identifier of a conditional reference (`Patient?identifier=urn:mrn|7`); None where it is no such one."""
    name = reference.get("reference")
    kind, asks, query = name.partition("?") if isinstance(name, str) else ("", "", "")
    if not asks or kind.split("/")[-1] != "Patient":
        return None
    said = dict(parse_qsl(query)).get("identifier") or query
    system, bar, value = said.partition("|")
    return {"system": system, "value": value} if bar else {"value": said}


def _subject(resource: Resource) -> object:
    return resource.content.get("subject") or resource.content.get("patient")


def _type_of(reference: Json, found: Resource | None) -> str | None:
    """The type that a reference points to, as far as it says; None for one by identifier, say."""
    if found is not None:
        return found.type
    name, said = reference.get("reference"), reference.get("type")
    if isinstance(name, str) and "/" in name:
        kind = unversioned(name).split("/")[-2]
        if kind[:1].isupper():
            return kind
    return said if isinstance(said, str) and said else None


def _identifiers(value: object) -> Iterator[tuple[str, str]]:
    for one in listed(value):
        if isinstance(one.get("value"), str) and one["value"]:
            yield str(one.get("system") or ""), str(one["value"])
