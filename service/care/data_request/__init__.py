"""The data request: one agency asks another, by a Task, for records that the other agency keeps about a person.

The rules, in prose (consent rules, section 4):

- The requester's agency says which types of record it asks for, for which purposes and why. It may narrow the request by
  category and time, claim a lawful basis, and say by when it needs the answer. It asks the agency that keeps the records, or a
  named person of that agency.
- A request that claims no basis and asks the agency itself asks only for records that consent and policy permit anyway. Such a
  request is answered at once, in the transaction that creates the Task. A request that claims a basis, or asks a named person,
  waits until a named person of the agency approves. Whether a request waits depends on the submitted Task and on nothing else, so
  that waiting tells nothing about records.
- The owner's agency acknowledges (`received`), approves (`completed`, with `owner` a named, active PractitionerRole of that
  agency; a user approves in their own name), or rejects with a coded reason. The requester's agency may cancel until the request
  is answered.
- The approver judges the claimed basis, and may replace or drop it. Nothing else in the request changes (HOV-1).
- A `completed` request was answered, and its outputs name the disclosure records. It has no outputs when the agency keeps no such
  record, and none when no record may be disclosed: the two answers look the same. Only the service writes outputs.
- No other move is legal, and no other agency may make a move: the table is total (HOV-1). For a third agency the Task does not
  exist (HOV-11).
"""
