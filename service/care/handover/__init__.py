"""The handover: one Task that moves responsibility for a plan from the agency that leads the plan to the agency that accepts it.

The rules, in prose (care-rules section 2):

- The requester's agency drafts and sends. Sending needs a complete minimum dataset (HOV-2), an authority to share (HOV-3), an
  accept-by date ahead, and that the agency leads the plan. Until the Task is sent the owner's agency has no part in it.
- The owner's agency acknowledges (`received`), then accepts with a named lead, or rejects with a coded reason and words on what
  should happen instead. It may ask for information first: the status stays `received`, and a clarification Task goes back with a
  due date.
- Acceptance moves ownership in one Outcome (HOV-4): until the acceptance commits the sender stays accountable (OWN-4). A part may
  be declined and goes back as a new Task (HOV-6); ownership moves only if `overall-coordination` is accepted.
- A plan that was not led yet is accepted once the agencies with a role in it have confirmed theirs (E7): nothing becomes active
  on one way that waits on another.
- After acceptance the owner's agency starts (`in-progress`), then completes with a first contact or the reason why none was
  needed, or fails with a reason. The requester may cancel until work has started; from then on the requester sends an `abort`
  Task, which the owner accepts or rejects. Ownership that has moved stays moved: it goes back only by another accepted handover
  (OWN-3).
- Either agency may put a Task on hold and take it back to the status from which it was held. A hold does not stop the clock
  (HOV-7).
- From `requested` on only status, reason, notes, outputs and, on acceptance, the owner of the Task change (HOV-1). The requester
  may replace the authority to share when it no longer holds (HOV-8).
- No other move is legal, and no other agency may make a move: the table is total, and a move that it does not hold is refused
  (HOV-1). For a third agency the Task does not exist (HOV-11). No other event about the person closes a handover (HOV-10): only
  the rows of the table do.
"""
