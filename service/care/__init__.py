"""The domain's rules, a room for each practice over `ownership` and `task`, and the registry of their Task machines. Pure."""
