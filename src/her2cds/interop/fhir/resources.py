"""The resources of one patient from whatever container holds them: Bundle, array, NDJSON, or a single resource."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from her2cds.errors import ProfileError, ProfileFault
from her2cds.profile.json_text import parse_json

Json = dict[str, Any]
MAX_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource with the label under which reports name it (`Observation/er-1`)."""

    label: str
    content: Json

    @property
    def type(self) -> str:
        """The resource type."""
        return str(self.content["resourceType"])


@dataclass(slots=True)
class Resources:
    """All resources of the input, and how to follow a reference among them."""

    all: list[Resource]
    _by_reference: dict[str, Resource] = field(default_factory=dict)

    def add_reference(self, name: str, resource: Resource) -> None:
        """A further name (a fullUrl, say) of a resource; the first bearer of a name keeps it."""
        self._by_reference.setdefault(name, resource)

    def of_type(self, *types: str) -> Iterator[Resource]:
        """The resources of these types, in the order of the input."""
        return (one for one in self.all if one.type in types)

    def follow(self, reference: object, origin: Resource | None = None) -> Resource | None:
        """What a Reference points to: a resource of the input, or one contained in its origin; None if neither."""
        name = reference.get("reference") if isinstance(reference, dict) else None
        if not isinstance(name, str) or not name:
            return None
        if name.startswith("#") and origin is not None:
            for inner in listed(origin.content.get("contained")):
                if inner.get("id") == name[1:] and "resourceType" in inner:
                    return Resource(f"{origin.label}{name}", inner)
            return None
        name = name.split("/_history/")[0]
        short = "/".join(name.split("/")[-2:])
        return self._by_reference.get(name) or self._by_reference.get(short)


def listed(value: object) -> list[Json]:
    """A field that should hold objects, as a list of them, whether it came as one, several or none."""
    if isinstance(value, dict):
        return [value]
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def inside(value: object, *names: str) -> object:
    """What stands at the end of the names, one object inside the other; None where the way breaks off."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def profiles_of(content: Json) -> list[str]:
    """The profiles that a resource claims to follow."""
    profiles = inside(content, "meta", "profile")
    return [one for one in profiles if isinstance(one, str)] if isinstance(profiles, list) else []


def read_resources(content: bytes, label: str) -> Resources:
    """All resources in a JSON or NDJSON text. Raises ProfileError where there is none."""
    return gather(_tree(content, label), label)


def gather(tree: Any, label: str) -> Resources:
    """All resources in a parsed tree. Raises ProfileError where there is none."""
    resources = Resources([])
    seen: Counter[str] = Counter()
    for full_url, content in _unpacked(tree):
        identity = content.get("id")
        name = f"{content['resourceType']}/{identity}" if identity else f"{content['resourceType']} without id"
        seen[name] += 1
        unique = name if seen[name] == 1 else f"{name} ({seen[name]})"
        resource = Resource(unique, content)
        resources.all.append(resource)
        resources.add_reference(name, resource)
        if isinstance(full_url, str):
            resources.add_reference(full_url, resource)
        if identity:
            resources.add_reference(f"urn:uuid:{identity}", resource)
    if not resources.all:
        raise ProfileError(
            [ProfileFault("$", "no resource", "a FHIR R4 Bundle, an array of resources, NDJSON, or one resource")],
            label,
        )
    return resources


def _tree(content: bytes, label: str) -> Any:
    try:
        return parse_json(content, label, MAX_BYTES)
    except ProfileError:
        lines = [line for line in content.splitlines() if line.strip()]
        if len(lines) < 2 or not all(line.lstrip().startswith(b"{") for line in lines):
            raise
        return [parse_json(line, f"{label}, line {number}", MAX_BYTES) for number, line in enumerate(lines, 1)]


def _unpacked(tree: Any) -> Iterator[tuple[object, Json]]:
    if isinstance(tree, list):
        for one in tree:
            yield from _unpacked(one)
    elif isinstance(tree, dict) and tree.get("resourceType") == "Bundle":
        for entry in listed(tree.get("entry")):
            for _, content in _unpacked(entry.get("resource")):
                yield entry.get("fullUrl"), content
    elif isinstance(tree, dict) and isinstance(tree.get("resourceType"), str):
        yield None, tree
    elif isinstance(tree, dict) and "resource" in tree:
        yield from _unpacked(tree["resource"])


def of_one_patient(resources: Resources, label: str, patient: str | None) -> tuple[Resource | None, list[Resource]]:
    """The Patient (or None), and the resources about somebody else.

    `patient` is the id of the one wanted. Raises ProfileError where the input holds several patients and none is
    named, or not the one that is.
    """
    people = {_id_of_subject(one, resources) for one in resources.all} - {None}
    if patient is not None and patient not in people:
        raise ProfileError([ProfileFault("--patient", repr(patient), f"one of {len(people)} patient ids")], label)
    if patient is None and len(people) > 1:
        fault = ProfileFault("$", f"{len(people)} patients", "one patient", "Name one: --patient ID.")
        raise ProfileError([fault], label)
    wanted = patient or next(iter(people), None)
    others = [one for one in resources.all if _id_of_subject(one, resources) not in (None, wanted)]
    found = next((one for one in resources.of_type("Patient") if one.content.get("id") == wanted), None)
    return found or next((one for one in resources.of_type("Patient") if one not in others), None), others


def _id_of_subject(resource: Resource, resources: Resources) -> str | None:
    """The id of the patient whom a resource is or is about; None where it does not say."""
    if resource.type == "Patient":
        return str(resource.content.get("id", "")) or None
    subject = resource.content.get("subject") or resource.content.get("patient")
    found = resources.follow(subject, resource)
    if found is not None and found.type == "Patient":
        return str(found.content.get("id", "")) or None
    reference = subject.get("reference") if isinstance(subject, dict) else None
    if not isinstance(reference, str) or (found is not None) or "Group/" in reference:
        return None
    return reference.split("/_history/")[0].split("/")[-1].removeprefix("urn:uuid:") or None


def text_of(value: object) -> str:
    """A short text of a JSON value, for reports."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
