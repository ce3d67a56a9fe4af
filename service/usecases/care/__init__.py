"""Load, decide, commit for each practice of `service.care`. Decides nothing itself."""
