"""Who logs in, what they may be granted, and how an app is launched (SMART)."""
