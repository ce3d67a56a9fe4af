"""The rules that all Tasks share: reading a Task, the one machine that decides its moves, common needs and effects, deadlines
and datasets.

Knows no practice: the rules of a single practice are in that practice's room.
"""
