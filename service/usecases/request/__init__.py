"""One request: who asks, what they may see, what it would change, and what is told of it."""
