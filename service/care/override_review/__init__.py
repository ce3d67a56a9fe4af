"""The review of an override (consent rules, section 5): an agency judges a break-glass access to its records.

The rules, in prose:

- The service makes one `override-review` Task with each override. The Task is itself the grant of access, so no client sends one
  and no agency cancels one.
- The agency that is asked to review moves the Task on, and completes it with output `decision`. It may add notes and outputs at
  any time, after completion too. The agency that used the override reads the Task and makes no move.
- The record of the override stays as written: of the Task only status, reason, notes and outputs change.
"""
