"""The action: what somebody does by a date because a decision asked for it.

The rules, in prose (practices, Common):

- An action comes with its decision, in one transaction: it is part of the Task that decides, which moves in that transaction, or
  has the meeting as its encounter, which ends in it. So no action is without a decision, and none is forgotten beside one.
- An action has an owner that is registered here and may have what it is about, and a date that is ahead (TIM-11). A decision
  that needs actions is refused while one of them lacks either.
- Its owner's agency does it and completes it, or rejects it with a reason; until work has started its requester's agency may
  cancel it. Past its date both agencies are told, once; nothing is reassigned and the status stays.
- The service makes actions of its own, too: one for each part of a handover that was not accepted, and those of a meeting.
"""
