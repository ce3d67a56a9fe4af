"""The merge of two plans (OWN-6, OWN-11): one Task that makes two active plans of one person one, by consent of both leads.

The rules, in prose:

- The agency that leads a plan asks the lead of the person's other plan to take it in: `focus` is the plan to be merged, input
  `into` the other. Both are active top-level plans of one person, all of whose confirmed Patients count; neither is a crisis
  plan, which its agencies agree to. What the sender does not see it cannot name. A plan is asked to be merged once at a time, and
  never into a plan that is asked to be merged into it.
- Sending tells the other agency of the plan, and accepting takes its content over: consent, or the input `sharing-authority`, has
  to permit the whole plan for the receiver (HOV-3), and still when it is accepted (HOV-8).
- The sender may end Goals of its plan with the merge: an input `ended-goal` names the Goal and says why (OUT-1).
- The receiver accepts or rejects with a coded reason; until then the sender may cancel. Acceptance is one Outcome: the other plan
  takes over the activities, early-warning signs and security labels, each Goal is kept, merged with one of the same code, or
  ended with its reason; the merged plan is `revoked`, the other `replaces` it, and its team joins the other's. A Goal is changed
  where one of the two agencies keeps it, and compared where both may see it; any other is kept as it is.
- The merged plan's lead is nobody's coordinator any more and a member of the team that goes on; whose lead joins the team that is
  left, so that both agencies may read what both plans rest on (IDN-6). Its episode stays with the agency that manages it, as when
  a plan ends. Open Tasks about the merged plan stay, each with its own rules.
- Nothing is left to do after acceptance: `completed` says that the owner's agency has seen to it.
"""
