"""The review of an override (consent rules, section 5): an agency judges a break-glass access to its records.

The rules, in prose:

- The service makes an `override-review` Task for each agency whose records an override opens. The Task is itself the grant of
  access to them, so no client sends one and no agency cancels one.
- The agency that is asked to review moves the Task on, and completes it with output `decision`: `justified` or `unjustified`. An
  override that one of them finds unjustified ends at once, for the records of all, and is recorded as an incident. It may add
  notes and outputs at any time, after completion too. The agency that used the override reads the Task and makes no move.
- The record of the override stays as written: of the Task only status, reason, notes and outputs change.
"""
