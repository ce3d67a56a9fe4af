"""Our validator and the HL7 validator say the same of 99 in 100 mutations of sound resources; every difference has its reason.

`BATON_MUTATION_SEED` draws other mutations than those of every day.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.validator import hl7
from tests.validator.bases import bases
from tests.validator.differences import DIFFERENCES, unexplained
from tests.validator.judges import Verdict, verdicts
from tests.validator.mutations import Mutant, mutants
from tests.validator.places import KINDS

SEED = int(os.environ.get("BATON_MUTATION_SEED", "7"))
COUNT = 1000
README = Path(__file__).parent / "README.md"


@pytest.fixture(scope="module")
def drawn() -> list[Mutant]:
    """The mutants of the seed."""
    return mutants(bases(), SEED, COUNT)


@pytest.fixture(scope="module")
def judged(drawn: list[Mutant]) -> dict[str, Verdict]:
    """The verdicts on all bases and mutants, by their text, of one process of Java."""
    try:
        libraries = hl7.fetched()
    except hl7.MissingError as error:
        pytest.skip(str(error))
    texts = [*map(json.dumps, bases().values()), *(mutant.text for mutant in drawn)]
    return dict(zip(texts, verdicts(libraries, texts), strict=True))


@pytest.mark.slow
def test_both_accept_what_is_sound(judged: dict[str, Verdict]) -> None:
    refused = {name: verdict.words for name, base in bases().items() if (verdict := judged[json.dumps(base)]).refused}
    assert refused == {}


@pytest.mark.slow
def test_both_say_the_same_of_99_in_100(drawn: list[Mutant], judged: dict[str, Verdict]) -> None:
    differing = [(mutant.kind, mutant.base, mutant.place) for mutant in drawn if not judged[mutant.text].agreed]
    assert len(drawn) == COUNT
    assert len(differing) <= COUNT // 100, differing


@pytest.mark.slow
def test_each_difference_is_listed_with_its_reason(drawn: list[Mutant], judged: dict[str, Verdict]) -> None:
    differing = [(mutant, judged[mutant.text]) for mutant in drawn if not judged[mutant.text].agreed]
    news = {(mutant.kind, mutant.base, mutant.place): unexplained(verdict) for mutant, verdict in differing}
    assert {place: words for place, words in news.items() if words} == {}


def test_every_kind_is_drawn_and_every_base_is_changed(drawn: list[Mutant]) -> None:
    assert ({mutant.kind for mutant in drawn}, {mutant.base for mutant in drawn}) == (set(KINDS), set(bases()))


def test_a_seed_draws_the_same_mutants_again(drawn: list[Mutant]) -> None:
    assert mutants(bases(), SEED, COUNT) == drawn


def test_every_mutant_is_new(drawn: list[Mutant]) -> None:
    """None is a base, and none comes twice."""
    assert len({mutant.text for mutant in drawn} - set(map(json.dumps, bases().values()))) == COUNT


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.name)
def test_the_readme_tells_of_each_difference(difference: object) -> None:
    assert f"| {difference.name} | {difference.refuser} |" in README.read_text()
