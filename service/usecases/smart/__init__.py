"""SMART App Launch: who logs in, which access an app may be granted, and how an app is launched."""
