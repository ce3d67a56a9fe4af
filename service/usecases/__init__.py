"""The use cases. Each use case loads the records it needs, asks the pure rules for a decision, and commits one Change."""
