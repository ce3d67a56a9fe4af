"""The review of an identity (IDN-1, IDN-2, IDN-4, IDN-5): whether another agency's Patient is the person an agency knows.

The rules, in prose:

- The same national identifier on Patients of two agencies proposes that they are one person. Each direction is a review of its
  own: `for` is the Patient whose records would be opened, `focus` the Patient that would join it, and the agency that keeps the
  one in `for` decides. So no agency says of itself that it knows somebody, whoever registered first.
- The later Patient is proposed to the agencies that keep the others. The Task says who registered it, by what name and birth
  date. The registering agency is told nothing before the other has confirmed; then it is asked in turn.
- The agency completes the Task with output `decision`: `same-person` or `another-person`. So may the person, signed in at that
  agency. The service completes it where the agency had sent a referral or handover to the registering agency or named it in its
  own CareTeam, or where an identity authority knows both; family name and birth date have to agree then.
- A completed review links while both Patients carry the identifier and the joining one keeps the family name and birth date that
  were judged; otherwise it is suspended, and proposed anew. The agency takes a link back by adding another `decision`.
- A number that is marked as not verified links nothing; the Patient's own agency is asked to verify it, by a review in which
  `for` and `focus` are the same.
- No client sends such a Task, and for every other agency it does not exist.
"""
