"""The code hierarchies a consent decision rests on: purposes of use, confidentiality, sensitivity.

The literal trees are HL7's (v3-ActReason PurposeOfUse, v3-ActCode InformationSensitivityPolicy, as published with R4); a test
compares the trees with the code systems. Each line is `parent > child child`. DVD is developmental disability and SDV domestic
violence; ETH is not a parent of SUD.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from service.fhir.canonical import ACT_CODE, ACT_REASON

ORDER = ("U", "L", "M", "N", "R", "V")
RANK: Mapping[str, int] = {code: rank for rank, code in enumerate(ORDER, start=1)}
NORMAL = RANK["N"]

RECIPIENT_ROLES = frozenset({"IRCP", "PRCP", "GRANTEE"})
ACTIONS = frozenset({"collect", "access", "use", "disclose", "correct"})

PURPOSES = """
PurposeOfUse > HMARKT HOPERAT HPAYMT HRESCH PATRQT PUBHLTH TREAT
HOPERAT > CAREMGT DONAT FRAUD GOV HACCRED HCOMPL HDECD HDIRECT HDM HLEGAL HOUTCOMS HPRGRP HQUALIMP HSYSADMIN MEMADMIN MILCDM
HOPERAT > PATADMIN PATSFTY PERFMSR RECORDMGT SYSDEV TRAIN
HPAYMT > CLMATTCH COVAUTH COVERAGE REMITADV
HRESCH > BIORCH CLINTRCH DSRCH POARCH TRANSRCH
PATRQT > FAMRQT PWATRNY SUPNWK
PUBHLTH > DISASTER THREAT
TREAT > CLINTRL COC ETREAT POPHLTH
HSYSADMIN > LABELING METAMGT
SYSDEV > HTEST
COVERAGE > ELIGDTRM ELIGVER ENROLLM MILDCRG
CLINTRCH > CLINTRCHNPC CLINTRCHPC PRECLINTRCH
ETREAT > BTG ERTREAT
"""

SENSITIVITIES = """
_InformationSensitivityPolicy > ADOL CEL DIA DRGIS EMP PDS PHY PRS
_InformationSensitivityPolicy > _ActInformationSensitivityPolicy _EntitySensitivityPolicyType _RoleInformationSensitivityPolicy
_ActInformationSensitivityPolicy > ETH GDIS HIV MST SCA SDV SEX SICKLE SPI STD TBOO VIO
_EntitySensitivityPolicyType > DEMO DOB GENDER LIVARG MARST RACE REL
_RoleInformationSensitivityPolicy > B EMPL LOCIS SSP
SPI > BH MH PSY PSYTHPN SUD
BH > COGN DVD EMOTDIS
SUD > ETHUD OPIOIDUD
"""


def edges(literal: str) -> dict[str, tuple[str, ...]]:
    """The children of each parent, read from lines of `parent > child child`."""
    children: dict[str, tuple[str, ...]] = {}
    for line in literal.strip().splitlines():
        parent, _, rest = line.partition(" > ")
        children[parent] = children.get(parent, ()) + tuple(rest.split())
    return children


def _closure(children: Mapping[str, Iterable[str]], code: str) -> frozenset[str]:
    """The code and every code below it; a cycle ends where it began."""
    found: set[str] = set()
    todo = [code]
    while todo:
        here = todo.pop()
        if here not in found:
            found.add(here)
            todo.extend(children.get(here, ()))
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Terminology:
    """The descendants of each known code, the code itself included. An unknown code covers itself alone."""

    purposes: Mapping[str, frozenset[str]]
    labels: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, purposes: Mapping[str, Iterable[str]], labels: Mapping[str, Iterable[str]]) -> Terminology:
        """A Terminology made from two trees, each the children by parent."""
        return cls(*({code: _closure(tree, code) for code in _codes(tree)} for tree in (purposes, labels)))

    def purpose(self, code: str) -> frozenset[str]:
        """Every purpose that is-a `code`: TREAT covers ETREAT, BTG and COC."""
        return self.purposes.get(code) or frozenset((code,))

    def label(self, code: str) -> frozenset[str]:
        """Every sensitivity label that is-a `code`: SUD covers ETHUD and OPIOIDUD."""
        return self.labels.get(code) or frozenset((code,))


def _codes(tree: Mapping[str, Iterable[str]]) -> set[str]:
    return {*tree, *(child for children in tree.values() for child in children)}


STANDARD = Terminology.of(edges(PURPOSES), edges(SENSITIVITIES))


def purpose_key(system: str, code: str) -> str:
    """How a purpose is spelled in sets: a v3-ActReason code as the code alone, any other as `system|code`."""
    return code if system in (ACT_REASON, "") else f"{system}|{code}"


def label_key(system: str, code: str) -> str:
    """How a label is spelled in sets: a v3-ActCode label as the code alone, any other as `system|code`."""
    return code if system == ACT_CODE else f"{system}|{code}"


def high_water(ranks: Iterable[int]) -> str:
    """The code of the most confidential of `ranks` (0 is unlabelled); empty when no rank is labelled."""
    top = max(ranks, default=0)
    return ORDER[top - 1] if top else ""
