"""Companion Tasks: the Tasks around a handover, and the Tasks that other rules make and an agency answers: `abort`, `follow-up` …

The rules, in prose:

- Once work on a handover has started its sender cannot cancel it: the sender asks by an `abort` Task whose focus is the handover.
  The handover's owner accepts the abort, and the handover is cancelled in the same Outcome, or rejects the abort with a reason.
  Ownership stays where it is.
- The service makes a `clarification` when the receiver awaits information. Completing the clarification, with its answer, ends
  the waiting.
- A `follow-up` is completed by a completed contact (TIM-3); an attempt is not a contact. Every other companion Task is completed
  when its owner completes it.
- The abort is the only companion Task that a client makes; the rules make every other. The tables are total: a move that a table
  does not hold is refused.
"""
