"""Meetings (E1, E7, E9, E13): agencies decide together about people, and each decision is carried out.

The rules, in prose:

- A meeting is an Encounter that names no person: whose it is, its kind, one chair, and who takes part, each with the period in
  which they attended. It keeps its kind and its forum, and is cancelled, never deleted; neither is an agenda. A forum is a
  standing meeting: its kind, whom it needs, and how often it is held (MTG-1).
- An agenda is a List. Until the meeting starts any agency that takes part adds entries; only the one that added an entry, or the
  agency that keeps the meeting, takes it away. The service adds what its rules put there; where no meeting is planned, that waits
  in a List of the forum's own until the next one is. Nobody is put on an agenda whom its chair may not know of.
- Whoever is on an agenda is told of per person. An agency sees those entries whose people it may know of, and no trace of the
  others. For the time of the meeting an entry ties the agencies present to its person, as far as consent lets them: not who
  sent apologies, not before it starts, nor after it has ended or the entry was taken away.
- A meeting ends when its chair attended and every entry has a decision with its reason: somebody is allocated to an agency or
  redirected, it is deferred to a date, actions are agreed, each with owner and date, or there is no action before a date of
  review. Without those whom its forum needs (MTG-2) it ends as advisory: what was decided is kept, and nobody is allocated.
- Each decision is a Communication about one person, to the agencies of that person that were present; there are no other
  minutes. What was decided stands.
- A case review (E7) needs each agency's own answers, and one service that coordinates; the agencies of the plan confirm their
  roles. A risk forum (E13) needs the criterion by which each person is there, and says whether thresholds were applied
  consistently (MTG-5). A restrictive measure says why it is proportionate and how long it lasts, and ends by itself.
"""
