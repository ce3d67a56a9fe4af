"""Every Task of ours: how it is read, the one machine that decides its moves, what any move needs and does, deadlines, datasets.

Knows no practice: what only one of them reads, asks or does is in its own room.
"""
