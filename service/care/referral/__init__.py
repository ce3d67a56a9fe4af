"""The front door (E4): a referral, its triage, the approval of a borderline decision, and the allocation.

The rules, in prose:

- A referral is a ServiceRequest with one response to the dataset `referral`. Sending it makes the Task `triage` for the front
  door. It is never refused for what the dataset leaves open: the triage then awaits information, and a `clarification` asks the
  referrer for it (TIM-15). The answers that complete the dataset end the waiting by themselves. The suggestion of the pathway is
  computed from what is there, so that what is urgent is urgent with items missing.
- Triage ends with a decision: the person is `allocated` to an agency, or `redirected` to another service with what to do
  meanwhile. Whoever decides says so, gives the rationale and the threshold that was acted on; a decision unlike the suggestion is
  tagged. What is said can be corrected by saying it again; the outputs are the front door's, the suggestion is the service's. A
  borderline decision takes effect when the front door's senior has approved it, as long as it can still be carried out, and
  comes back when not. Nobody decides and approves.
- Nobody has the person until an allocation is accepted (TRI-1). One allocation of a referral is open at a time (MTG-3). The
  agency that accepts names the lead, and its plan, team, episode and first contact are made in the same transaction; an agency
  that rejects says what should happen instead, and the triage is open again.
- The referrer is told of each outcome, and may withdraw the referral until one is reached: whatever was asked of anybody because
  of it is cancelled.
"""
