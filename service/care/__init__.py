"""The rules of care: a room for each practice, over `task` and `ownership`, and the registry of every Task machine. Pure."""
