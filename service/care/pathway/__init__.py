"""Pathways: the rules of a practice as data, in a versioned PlanDefinition (GOV-3).

The rules, in prose:

- A pathway has thresholds, in order. A threshold is a FHIRPath over `%dataset` and `%request`; its action's code is the outcome.
  The first that holds is the suggestion; all that hold are listed with the answers that made them hold. A threshold that cannot
  be evaluated leaves the decision to a person, with the reason: there is no default outcome.
- A threshold reads answers and the request's clinical members. Who the person is, where they live, who asks: these are not among
  what it is given, and a threshold that names them is refused. So the same answers give the same suggestion, whoever sends them
  and in whatever order.
- A pathway has spans: a deadline (TIM) for a priority. A deadline without a span of the pathway's own has the service's. Of a
  deadline with several levels the span is that of its last level, and no level before it is later.
- A pathway has counts (contacts in the first week) and cadences. A step-up pathway names whom an escalation reaches at which
  hours of the week: an hour that nobody covers is refused (ESC-1).
- A version is published by the agency of the locality lead (GOV-4), under a business version of its own. It is in force when
  every agency with a live sharing agreement has agreed to it (GOV-7); what the service ships is in force from the start. What ran
  under a version names it, `url|version`.
- A pathway past its period stays in force, and is listed until it is reviewed (GOV-8).
"""
