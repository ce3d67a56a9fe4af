"""The data request: one agency asks another, by a Task, for what it keeps about a person.

The rules, in prose (consent rules, section 4):

- The requester's agency asks: for which types of record, for which purposes, why; it may narrow by category and time, claim a
  lawful basis, and say by when it needs the answer. It asks the agency that keeps the records, or a named person of it.
- Who claims no basis and asks the agency as such asks only for what consent and policy permit anyway. That is answered at once,
  in the transaction that creates the Task. Who claims a basis, or asks a named person, waits until a named person of the agency
  approves. Which of the two it is depends on what was sent and on nothing else, so that waiting tells nothing about records.
- The owner's agency acknowledges (`received`), approves (`completed`, with `owner` a named, active PractitionerRole of its own; a
  user approves as who they are), or rejects with a coded reason. The requester's agency may cancel until it is answered.
- Who approves judges the claimed basis, and may replace or drop it. Nothing else of what was asked changes (HOV-1).
- `completed` says that the request was answered, and its outputs name the records of what was disclosed. It has none when nothing
  is kept, and when nothing may be had: the two look the same. Outputs are written by the service alone.
- Nobody else's move, and no other move, is legal: the table is total (HOV-1). For a third agency there is no such Task (HOV-11).
"""
