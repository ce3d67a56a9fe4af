"""Whether one client's heavy batch makes another client wait (security rules, section 4)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.benchmarks.conftest import Measured
from tests.benchmarks.serving import Figures, Request

pytestmark = pytest.mark.slow

SECONDS, ENTRIES, READERS = 6.0, 150, 4
HEAVY = {
    "an account of accesses": "AuditEvent?_count=100&_sort=-date&_total=accurate",
    "searches with all around": "CarePlan?_count=100&_revinclude=Provenance:target&_include=*&_total=accurate",
}


def batch(url: str) -> dict[str, object]:
    """As many searches as a batch may hold, of a kind that has much to look at."""
    entries = [{"request": {"method": "GET", "url": url}}] * ENTRIES
    return {"resourceType": "Bundle", "type": "batch", "entry": entries}


def reading(measured: Measured, plans: list[str]) -> Figures:
    """The neighbour: reads its own plans."""
    return measured.serving.load([Request("GET", each, measured.trust) for each in plans], clients=READERS, seconds=SECONDS)


@pytest.mark.parametrize("heavy", HEAVY)
def test_a_neighbour_reads_beside_a_heavy_batch(measured: Measured, plans: list[str], heavy: str) -> None:
    """Half the time alone, and half beside a batch that is sent again and again."""
    alone = reading(measured, plans)
    load = [Request("POST", "", measured.crisis, batch(HEAVY[heavy]))]
    with ThreadPoolExecutor() as pool:
        other = pool.submit(measured.serving.load, load, clients=1, seconds=SECONDS)
        beside = reading(measured, plans)
        told = other.result()
    print(alone.line("alone"), beside.line(f"beside {heavy}"), told.line("the batch"), sep="\n")
    print(f"p99 beside / alone: {beside.high / alone.high:.1f}; p50: {beside.median / alone.median:.1f}", flush=True)
    assert set(beside.statuses) == {"200"}
