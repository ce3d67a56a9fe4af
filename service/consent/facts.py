"""The Facts: all that a decision needs to know of a resource, taken once when the resource is written, so that no body is parsed
to decide. Total: any JSON object gives Facts.

The store keeps Facts in its row as a mapping with short names (`to_row`, `from_row`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from service.consent.dates import relevant
from service.consent.terms import RANK, label_key
from service.fhir.canonical import ACT_CODE, CONFIDENTIALITY, INLINE_LABEL, MEDIA_TYPES, RECORD_MARK
from service.fhir.coding import keys
from service.fhir.date import EARLIEST, LATEST, LOCAL, Interval
from service.fhir.reference import resolved, target
from service.fhir.types import CODED

THIRD_PARTY = "third-party"
DO_NOT_TELL = "do-not-tell-patient"
SERIOUS_HARM = "serious-harm"
MARKS: Mapping[str, str] = {
    f"{RECORD_MARK}|{THIRD_PARTY}": THIRD_PARTY,
    f"{RECORD_MARK}|{DO_NOT_TELL}": DO_NOT_TELL,
    f"{RECORD_MARK}|{SERIOUS_HARM}": SERIOUS_HARM,
    "TBOO": DO_NOT_TELL,  # only an assigned physician may be the first to disclose the content to the patient
    "NOPAT": DO_NOT_TELL,  # no disclosure to the patient without the attending provider's authorisation
}
"""Labels (in meta.security, meta.tag or inline) that keep content from the person's own access."""

_NESTED = frozenset((dict, list))
_SUBJECTS = ("subject", "patient", "for", "beneficiary", "individual")
_AUTHORS = (
    "author",
    "recorder",
    "asserter",
    "requester",
    "source",
    "sender",
    "informationSource",
    "expressedBy",
    "contributor",
    "enterer",
)
_KINDS = ("code", "codeCodeableConcept", "type", "medicationCodeableConcept", "vaccineCode", "serviceType")
_CODED = (*_KINDS, "category", "class")
# Types whose `performer` is to do the work, and is not the author of the record.
_PERFORMER_IS_NOT_AUTHOR = frozenset({"ServiceRequest", "MedicationRequest", "DeviceRequest", "Consent", "Task"})


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one version of one resource that decisions use. Without an `id` they stand for any resource of the type, and
    without a `type` for any resource at all.

    `confidentiality` is a rank of `terms.RANK`, 0 when unlabelled. `labels` are the other security labels, as spelled by
    `terms.label_key`. `when` is the clinically relevant time, else the time of authoring, else lastUpdated; None when there is no
    time at all. `references` are the references in the resource itself. `marks` are values of MARKS. `inline` are the labels on
    parts of the resource. `sections` are the codes of Composition sections. `custodian` comes from the store, not from the
    resource. `uncoded`: a code of a type in CODED is missing, or said in words only, so that it is unknown what the record is.
    """

    type: str
    id: str
    patients: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    confidentiality: int = 0
    labels: tuple[str, ...] = ()
    when: Interval | None = None
    authors: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    inline: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    custodian: str = ""
    uncoded: bool = False

    @property
    def ref(self) -> str:
        """The resource's reference, `Type/id`."""
        return f"{self.type}/{self.id}"

    def to_row(self) -> dict[str, Any]:
        """The facts that are not empty, under one-letter names, without `custodian`, which is a row field of its own."""
        row: dict[str, Any] = {"t": self.type, "i": self.id}
        for short, name in _ROW:
            value = getattr(self, name)
            if value:
                row[short] = list(value)
        if self.confidentiality:
            row["c"] = self.confidentiality
        if self.uncoded:
            row["u"] = 1
        if self.when:
            low, high = self.when
            row["d"] = [None if low == EARLIEST else low, None if high == LATEST else high]
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any], custodian: str = "") -> Facts:
        """The inverse of `to_row`."""
        get = row.get
        return cls(
            row["t"],
            row["i"],
            tuple(get("p", ())),
            tuple(get("f", ())),
            tuple(get("k", ())),
            tuple(get("o", ())),
            get("c", 0),
            tuple(get("l", ())),
            _interval(get("d")),
            tuple(get("a", ())),
            tuple(get("r", ())),
            tuple(get("m", ())),
            tuple(get("n", ())),
            tuple(get("s", ())),
            custodian,
            bool(get("u")),
        )


_ROW = (
    ("p", "patients"),
    ("f", "profiles"),
    ("k", "classes"),
    ("o", "codes"),
    ("l", "labels"),
    ("a", "authors"),
    ("r", "references"),
    ("m", "marks"),
    ("n", "inline"),
    ("s", "sections"),
)


def facts_of(resource: Mapping[str, Any], custodian: str = "", base: str = "", zone: tzinfo = LOCAL) -> Facts:
    """The Facts of any resource. `base` is our own absolute base URL: references under it are local. Dates without an offset are
    local to `zone`.
    """
    kind = _text(resource.get("resourceType"))
    ident = _text(resource.get("id"))
    references, inline = _walk(resource, base)
    meta = resource.get("meta")
    rank, labels, marks = _labelled(meta if type(meta) is dict else {}, _whole(resource))
    patients = _patients(resource, kind, ident, references, base)
    return Facts(
        kind,
        ident,
        patients,
        _profiles(meta),
        _classes(resource, kind),
        _codes(resource),
        rank,
        labels,
        relevant(kind, resource, zone),
        _authors(resource, kind, base),
        references,
        marks,
        inline,
        _sections(resource) if kind == "Composition" else (),
        custodian,
        kind in CODED and not any(True for name in _KINDS if name in resource for _ in keys(resource[name])),
    )


def _interval(kept: Sequence[int | None] | None) -> Interval | None:
    """The interval that a row keeps as a pair, in which None is an open end."""
    if kept is None:
        return None
    low, high = kept
    return Interval(EARLIEST if low is None else low, LATEST if high is None else high)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _walk(resource: Mapping[str, Any], base: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Every reference and every inline label of a resource outside `meta`, in one pass over the tree."""
    references: dict[str, None] = {}
    inline: dict[str, None] = {}
    stack: list[Any] = [value for name, value in resource.items() if type(value) in _NESTED and name != "meta"]
    for item in stack:
        # The list grows while it is walked: breadth first, without recursion.
        if type(item) is list:
            stack += [value for value in item if type(value) in _NESTED]
            continue
        if "reference" in item and type(item["reference"]) is str:
            references[resolved(item["reference"], base)] = None
        elif "url" in item and item["url"] == INLINE_LABEL:
            inline.update(dict.fromkeys(inline_labels(item)))
        stack += [value for value in item.values() if type(value) in _NESTED]
    return tuple(references), tuple(inline)


def inline_labels(extension: Mapping[str, Any]) -> Iterator[str]:
    """The label keys of an inline security label extension."""
    coding = extension.get("valueCoding")
    if isinstance(coding, dict) and isinstance(coding.get("code"), str):
        yield label_key(_text(coding.get("system")), coding["code"])


def _whole(resource: Mapping[str, Any]) -> list[Any]:
    """The inline labels at the root of a resource, as Codings: a label at the root labels the whole resource."""
    extensions = (each for each in _list(resource.get("extension")) if type(each) is dict and each.get("url") == INLINE_LABEL)
    return [each.get("valueCoding") for each in extensions]


def _list(value: object) -> list[Any]:
    if type(value) is list:
        return value
    return [value] if type(value) is dict else []


def _codes(resource: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple([code for name in _CODED if name in resource for concept in _list(resource[name]) for code in keys(concept)])


def _sections(composition: Mapping[str, Any]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    todo = [*_list(composition.get("section"))]  # a copy, so that the resource is not changed
    while todo:
        section = todo.pop()
        if type(section) is dict:
            found.update(dict.fromkeys(keys(section.get("code"))))
            todo = todo + _list(section.get("section"))
    return tuple(found)


def _labelled(meta: Mapping[str, Any], whole: list[Any]) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
    """The highest confidentiality, the other labels and the marks of a resource. `whole` are the inline labels at its root."""
    rank, labels = 0, []
    for coding in (*_list(meta.get("security")), *whole):
        code = coding.get("code") if type(coding) is dict else None
        if type(code) is str:
            if coding.get("system") == CONFIDENTIALITY and code in RANK:
                rank = max(rank, RANK[code])
            else:
                labels.append(label_key(_text(coding.get("system")), code))
    tags = [key.replace(ACT_CODE + "|", "") for tag in _list(meta.get("tag")) for key in keys(tag)]
    return rank, tuple(labels), tuple(dict.fromkeys(MARKS[key] for key in (*labels, *tags) if key in MARKS))


def _profiles(meta: object) -> tuple[str, ...]:
    names = meta.get("profile") if type(meta) is dict else None
    return tuple(name.partition("|")[0] for name in names if type(name) is str) if type(names) is list else ()


def _classes(resource: Mapping[str, Any], kind: str) -> tuple[str, ...]:
    """The content types of a Binary or DocumentReference, which `provision.class` names in the R4 examples."""
    if kind == "Binary":
        return (f"{MEDIA_TYPES}|{_text(resource.get('contentType'))}",)
    if kind != "DocumentReference":
        return ()
    attached = (content.get("attachment") for content in _list(resource.get("content")) if type(content) is dict)
    return tuple(
        f"{MEDIA_TYPES}|{item['contentType']}" for item in attached if type(item) is dict and type(item.get("contentType")) is str
    )


def _refs(value: object, base: str) -> Iterator[str]:
    for item in _list(value):
        if found := target(item):
            yield resolved(found, base)


def _patients(resource: Mapping[str, Any], kind: str, ident: str, references: tuple[str, ...], base: str) -> tuple[str, ...]:
    """The Patients whose compartment holds the resource: those its usual members name, else every Patient that the resource
    refers to, so that a resource of an unusual type does not escape consent.
    """
    if kind == "Patient":
        return (f"Patient/{ident}",)
    usual = [ref for name in _SUBJECTS if name in resource for ref in _refs(resource[name], base) if ref.startswith("Patient/")]
    return tuple(dict.fromkeys(usual or [ref for ref in references if ref.startswith("Patient/")]))


def _authors(resource: Mapping[str, Any], kind: str, base: str) -> tuple[str, ...]:
    found = [ref for name in _AUTHORS if name in resource for ref in _refs(resource[name], base)]
    if "performer" in resource and kind not in _PERFORMER_IS_NOT_AUTHOR:
        for performer in _list(resource["performer"]):
            found += _refs(performer, base)
            found += _refs(performer.get("actor") if type(performer) is dict else None, base)
    for name, member in (("participant", "individual"), ("agent", "who")):
        if name in resource:
            found += [ref for item in _list(resource[name]) if type(item) is dict for ref in _refs(item.get(member), base)]
    return tuple(dict.fromkeys(found))
