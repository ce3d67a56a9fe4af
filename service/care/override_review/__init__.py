"""The review of an override (consent rules, section 5): what an agency thinks of a break-glass access to its records.

The rules, in prose:

- The service makes one `override-review` Task with each override; the Task is the grant, so it is never sent and never cancelled.
- The agency that was asked to review moves it on, and completes it with output `decision`. Its notes and outputs may be added to
  at any time, afterwards too. The agency that used the override reads the Task and makes no move.
- What was done stays: of the Task only status, reason, notes and outputs change.
"""
