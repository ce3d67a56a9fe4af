"""Every way in which the two judges are known to differ, each with its reason."""

from __future__ import annotations

import re
from typing import NamedTuple

from tests.validator.judges import Verdict


class Difference(NamedTuple):
    """What one judge refuses and the other accepts: `says` finds the refuser's words, `why` tells why it stays so."""

    name: str
    refuser: str
    says: str
    why: str


DIFFERENCES = (
    # What we refuse.
    Difference(
        "form of a reference",
        "ours",
        r"\.reference: A reference is|\.reference: This is a string that does not fit",
        "HL7 takes every text without spaces for a relative URL. R4 2.3.0.2 has `Type/id`, and only that can be resolved.",
    ),
    Difference(
        "target of a conditional reference",
        "ours",
        r"This refers to a `\w+`",
        "HL7 asks nothing of `Type?…` and of a reference with a type alone. Both tell the type of the target.",
    ),
    Difference(
        "relative system",
        "ours",
        r"A system is an absolute URI",
        "HL7 finds a relative system only where a value set is bound. R4 2.24.0.6 says it of every Coding.",
    ),
    Difference(
        "code system of ours",
        "ours",
        r"There is no such code system|is no code of `https://baton.example",
        "HL7 lets an unknown system pass, and an unknown code beside a known one. What is under our own base is ours to know.",
    ),
    Difference(
        "base64",
        "ours",
        r"it must be base64 text",
        "HL7 counts the characters, and looks neither at them nor at where blanks stand.",
    ),
    Difference(
        "control characters",
        "ours",
        r"This is a string that does not fit",
        "HL7 accepts U+0001 to U+001F in strings, more in URIs, and blanks for codes and dates. R4 2.24.0.1 does not.",
    ),
    Difference(
        "empty",
        "ours",
        r"This (array )?is empty",
        "HL7 accepts empty arrays of primitives, and an empty string beside an extension. R4 2.6.2 has neither.",
    ),
    Difference(
        "value by an extension alone",
        "ours",
        r"\((qty-3|que-7)\)|`code` is missing: send a code of",
        "FHIRPath finds a member that has an extension and no value. A rule that needs one is not met by it.",
    ),
    Difference(
        "narrative that acts or fetches",
        "ours",
        r"The narrative (has a style|fetches from|links by)",
        "R4 allows it. Whoever reads the record would be seen by the one who wrote it.",
    ),
    Difference(
        "narrative that is no XHTML",
        "ours",
        r"The narrative (is not well-formed|must be one|declares a)",
        "HL7's reader closes what is open, leaves off what follows the `div`, and skips declarations. R4 2.7.1 has one `div`.",
    ),
    Difference(
        "id of a url",
        "ours",
        r"`_url` is not a member",
        "R4 2.4.1 has neither id nor extensions on the url of an extension.",
    ),
    Difference(
        "range",
        "ours",
        r"\(rng-2\)",
        "HL7 compares by the unit where one end has no code. R4 2.24.0.10 has both ends alike.",
    ),
    # What HL7 refuses.
    Difference(
        "no code",
        "hl7",
        r"Terminology_PassThrough_TX_Message .*#null\b",
        "HAPI looks up the code `null` where a Coding has none. R4 lets a Coding have a system and a display.",
    ),
    Difference(
        "terminologies not held",
        "hl7",
        r"Terminology_PassThrough_TX_Message .*(Unknown code|Error processing unit)",
        "We do not hold UCUM's grammar, nor every code system of R4.",
    ),
    Difference(
        "languages",
        "hl7",
        r"is not in valueset: http://hl7.org/fhir/ValueSet/languages",
        "HAPI requires a preferred value set, in which even Welsh is missing. We check the form of BCP 47, not its registry.",
    ),
    Difference(
        "relative canonical",
        "hl7",
        r"TYPE_SPECIFIC_CHECKS_CANONICAL_ABSOLUTE",
        "R4 2.24.0.1 lets a canonical be what a URI may be, and 30 of R4's own examples have relative ones.",
    ),
    Difference(
        "period of two precisions",
        "hl7",
        r"Period#per-1",
        "An end of 2026-01-01 includes 10:00 of that day (R4 2.24.0.9). FHIRPath compares it to nothing; R5 has mended per-1.",
    ),
    Difference(
        "fraction of a second",
        "hl7",
        r"Type_Specific_Checks_DT_Time_Valid .*\(null\)",
        "HL7 does not read `10:00:00.5`. The pattern of R4 2.24.0.1 has fractions.",
    ),
    Difference(
        "fall",
        "hl7",
        r"StringIndexOutOfBoundsException|NullPointerException|Cannot invoke",
        "HL7's validator falls over an address without a path, and over what only an extension gives.",
    ),
    Difference(
        "entry without an address",
        "hl7",
        r"Bundle_BUNDLE_Entry_NoFullUrl|Bundle_BUNDLE_FullUrl_Missing|BUNDLE_BUNDLE_ENTRY_FULLURL_REQUIRED|URL_MATCHES_NO_ID",
        "We also read Bundles whose entries have an address or an id alone, and put aside by name what leads nowhere.",
    ),
    Difference(
        "UUID in capitals",
        "hl7",
        r"Type_Specific_Checks_DT_UUID_Valid .*\(?[0-9A-F-]{36}\)",
        "It is the same UUID (RFC 4122, 3), and Bundles of others have them.",
    ),
    Difference(
        "links of a Bundle",
        "hl7",
        r"BUNDLE_LINK_SEARCH",
        "R4 has no rule that a Bundle links to itself once.",
    ),
    Difference(
        "CDATA",
        "hl7",
        r"Narrative#txt-2 .*text\.div",
        "HL7's reader drops CDATA sections, and finds no text.",
    ),
    Difference(
        "rules among the items of a Questionnaire",
        "hl7",
        r"Questionnaire_Q_",
        "We keep the Questionnaires of others, and ask no more of them than R4's invariants.",
    ),
    Difference(
        "content of a map in the narrative",
        "hl7",
        r"XHTML_XHTML_(ILLEGAL_CHILDREN|BLOCK_IN_PARA|NO_RECURSION|Element_Illegal_In_Para)",
        "We check what may stand in a narrative and under what, not each element's whole model of content.",
    ),
)


def unexplained(verdict: Verdict) -> list[str]:
    """What the refuser says that no difference explains."""
    known = [re.compile(each.says) for each in DIFFERENCES if each.refuser == verdict.refuser]
    return [words for words in verdict.words if not any(each.search(words) for each in known)]


def named(verdict: Verdict) -> str:
    """The first difference that explains what the refuser says."""
    found = (each.name for each in DIFFERENCES if each.refuser == verdict.refuser and re.search(each.says, verdict.words[0]))
    return next(found, "")
