"""Companion Tasks: those around a handover, and those that other rules make and an agency answers: `abort`, `follow-up` …

The rules, in prose:

- Once work has started the sender cannot cancel: it asks by an `abort` Task whose focus is the handover. The handover's
  owner accepts it, and the handover is cancelled in the same Outcome, or rejects it with a reason. Ownership stays where it is.
- A `clarification` is made by the service when the receiver awaits information. Completing it, with its answer, ends the waiting.
- A `follow-up` is done by a completed contact (TIM-3); an attempt is not a contact. The others are done when their owner says so.
- Only an abort is made by a client; the rest are made by the rules. The tables are total, as the handover's.
"""
