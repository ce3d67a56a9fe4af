"""The effects of a data request's moves: resources to write and timers to set or cancel.

`Outcome.disclosure` means that the answer is due in the same transaction.
"""

from __future__ import annotations

from dataclasses import replace

from service.care.data_request.question import WAITING, waits
from service.care.data_request.situation import RequestSituation
from service.care.task import reading
from service.care.task.effects import kept, outcome, timer_key
from service.care.task.situation import Ids, Outcome
from service.change import Resource, Timer
from service.fhir.canonical import BUSINESS_STATUS, TaskCode
from service.fhir.coding import concept
from service.fhir.date import written
from service.fhir.reference import name_of


def ask(situation: RequestSituation, ids: Ids) -> Outcome:
    """Creates a data request that waits for a named person, with a clock when the request names a date (TIM-11); a request that
    need not wait is answered in the same transaction.

    The service writes `authoredOn`: a data request gives its parties no standing, and a date of the client's must not give any.
    """
    del ids
    task = {**kept(situation), "authoredOn": written(situation.at)}
    if not waits(task):
        return replace(_moved(situation, task), disclosure=True)
    due = reading.due(task, situation.zone)
    timers = (Timer(timer_key("TIM-11", task), "TIM-11", due, name_of(task)),) if due else ()
    return replace(_moved(situation, {**task, "businessStatus": concept(BUSINESS_STATUS, WAITING)}), timers=timers)


def close(situation: RequestSituation, ids: Ids) -> Outcome:
    """Rejects or cancels a data request: approval is no longer awaited, and the request's clock stops (TIM-11)."""
    del ids
    task = reading.with_member(kept(situation), "businessStatus", None)
    return replace(_moved(situation, task), cancelled=(timer_key("TIM-11", situation.current),))


def release(situation: RequestSituation, ids: Ids) -> Outcome:
    """Approves a data request: the answer is due in the same transaction, and the request's clock stops (TIM-11)."""
    return replace(close(situation, ids), disclosure=True)


def _moved(situation: RequestSituation, task: Resource) -> Outcome:
    return outcome(situation, task, f"{TaskCode.DATA_REQUEST}-{task['status']}")
