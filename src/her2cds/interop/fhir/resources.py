"""The resources of one patient from whatever container holds them: Bundle, array, NDJSON, or a single resource."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from her2cds.errors import ProfileError, ProfileFault
from her2cds.interop.fhir.addresses import plain_address, server_of, unversioned
from her2cds.interop.fhir.paging import gaps
from her2cds.interop.fhir.versions import deletions, newest_versions
from her2cds.profile.json_text import parse_json

Json = dict[str, Any]
MAX_BYTES = 50_000_000
READ_WHERE_CONTAINED = ("Observation",)  # a result inside of its report is as good as one beside it


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource with the label under which reports name it (`Observation/er-1`), its fullUrl and container."""

    label: str
    content: Json
    url: str | None = None
    container: Resource | None = None

    @property
    def type(self) -> str:
        """The resource type."""
        return str(self.content["resourceType"])

    @property
    def server(self) -> str | None:
        """The base of the server that the resource came from, as its fullUrl gives it; None where it gives none."""
        url = self.container.url if self.container else self.url
        return server_of(url) if url else None


@dataclass(slots=True)
class Resources:
    """All resources of the input, the outdated versions of some, what is missing, and how to follow a reference.

    `namesakes` are the ids that several records bear which cannot be versions of one.
    """

    all: list[Resource]
    outdated: list[Resource] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    namesakes: list[str] = field(default_factory=list)
    _by_url: dict[str, Resource] = field(default_factory=dict)
    _by_name: dict[str, list[Resource]] = field(default_factory=dict)

    def add(self, resource: Resource) -> None:
        """One more resource, to be found under its fullUrl and under its type and id."""
        self.all.append(resource)
        if resource.url is not None:
            self._by_url.setdefault(plain_address(resource.url), resource)
        if identity := resource.content.get("id"):
            self._by_url.setdefault(plain_address(f"urn:uuid:{identity}"), resource)
            self._by_name.setdefault(f"{resource.type}/{identity}", []).append(resource)

    def of_type(self, *types: str) -> Iterator[Resource]:
        """The resources of these types, in the order of the input."""
        return (one for one in self.all if one.type in types)

    def follow(self, reference: object, origin: Resource | None = None) -> Resource | None:
        """What a Reference points to: a resource of the input, or one contained in its origin; None if neither."""
        name = reference.get("reference") if isinstance(reference, dict) else None
        if not isinstance(name, str) or not name:
            return None
        if name.startswith("#"):
            return _contained(name[1:], origin.container or origin) if origin is not None else None
        name = unversioned(name)
        return self._by_url.get(plain_address(name)) or self._of_server(name, origin)

    def _of_server(self, name: str, origin: Resource | None) -> Resource | None:
        """The resource of this type and id on the server that the reference means; the same id elsewhere is another."""
        found = self._by_name.get("/".join(name.split("/")[-2:]), [])
        server = server_of(name) or (origin.server if origin is not None else None)
        same = [one for one in found if one.server == server] or [
            one for one in found if server is None or one.server is None
        ]
        return same[0] if len({one.server for one in same}) == 1 else None


def _contained(identity: str, holder: Resource) -> Resource | None:
    return next((one for one in contained_in(holder) if one.content.get("id") == identity), None)


def contained_in(holder: Resource) -> list[Resource]:
    """The resources that another one contains, each named after it (`DiagnosticReport/r#o`)."""
    inner = [one for one in listed(holder.content.get("contained")) if isinstance(one.get("resourceType"), str)]
    return [Resource(f"{holder.label}#{one.get('id', index)}", one, None, holder) for index, one in enumerate(inner, 1)]


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
    """All resources in a parsed tree, the newest version of each. Raises ProfileError where there is none."""
    resources = Resources([])
    seen: Counter[str] = Counter()
    found = newest_versions(list(_unpacked(tree)), deletions(tree))
    for url, content in found.current:
        resource = Resource(_label(content, seen), content, url)
        resources.add(resource)
        for inner in contained_in(resource):
            if inner.type in READ_WHERE_CONTAINED:
                resources.all.append(inner)
    resources.outdated = [Resource(_label(content, seen), content, url) for url, content in found.outdated]
    resources.namesakes = list(dict.fromkeys(found.namesakes))
    resources.gaps = gaps(tree)
    if not resources.all:
        raise ProfileError(
            [ProfileFault("$", "no resource", "a FHIR R4 Bundle, an array of resources, NDJSON, or one resource")],
            label,
        )
    return resources


def _label(content: Json, seen: Counter[str]) -> str:
    """A name for a resource that no other one has."""
    identity = content.get("id")
    name = f"{content['resourceType']}/{identity}" if identity else f"{content['resourceType']} without id"
    seen[name] += 1
    return name if seen[name] == 1 else f"{name} ({seen[name]})"


def _tree(content: bytes, label: str) -> Any:
    try:
        return parse_json(content, label, MAX_BYTES)
    except ProfileError:
        lines = [line for line in content.splitlines() if line.strip()]
        if len(lines) < 2 or not all(line.lstrip().startswith(b"{") for line in lines):
            raise
        return [parse_json(line, f"{label}, line {number}", MAX_BYTES) for number, line in enumerate(lines, 1)]


def _unpacked(tree: Any) -> Iterator[tuple[str | None, Json]]:
    if isinstance(tree, list):
        for one in tree:
            yield from _unpacked(one)
    elif _is_bundle(tree):
        for entry in listed(tree.get("entry")):
            url = entry.get("fullUrl")
            own = url if isinstance(url, str) and url and not _is_bundle(entry.get("resource")) else None
            for inner, content in _unpacked(entry.get("resource")):
                yield inner or own, content
    elif isinstance(tree, dict) and isinstance(tree.get("resourceType"), str):
        yield None, tree
    elif isinstance(tree, dict) and "resource" in tree:
        yield from _unpacked(tree["resource"])


def _is_bundle(tree: object) -> bool:
    return isinstance(tree, dict) and tree.get("resourceType") == "Bundle"
