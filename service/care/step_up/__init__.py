"""Step-up with shared language (E5), and the same day (E10): an agency of the person's care team escalates, a clinician decides.

The rules, in prose:

- An escalation is a ServiceRequest (`request`). It has one response to the dataset `escalation` with four answers, and is shared
  as a handover is (HOV-3). Sending one makes the Task `escalation-review` for a clinician of the agency asked
  (`routing`, ESC-1), due by its priority (`due`, TIM-5). Undecided at its due, the review goes to the agency's next contact, and
  on to the next, until somebody decides (`overdue`). The words of a sent escalation stay; its status follows from the review.
- The owner's agency accepts the review, or rejects it, with a threshold, a rationale and the PractitionerRole who decided. Each
  decision makes a `decision-review` for the deciding agency, due within 7 days and urgent after a rejection (ESC-3).
- A rejection has a coded reason and guidance. `insufficient-information` alone is no reason: the way is to ask back, which makes
  a `clarification`. The escalation is revoked, and the sender may send another that `replaces` it, which goes to somebody else.
- An acceptance comes with at least one action Task in the same transaction, a contact cadence with an end, a contingency out of
  hours and the date of the MDT that reviews it. It makes a contact plan that ends by itself and a `brief-review` (TIM-6), which
  goes on the next MDT's agenda when it is not held in time.
- The review is completed once a contact was attempted and the crisis plan was updated, or stands for a reason (E10).
- Where safeguarding drives the crisis, the review is neither rejected nor completed without a structured formulation (E12).
- A sign on the list of the person's plan that is reported as an Observation, or too many missed contacts in a row, opens one
  `structured-review` at the agency that leads the plan (`signs`, EWS-1): a prompt, never a decision.
"""
