"""`baton demo`: a small made-up locality, and the story of one handover played over real HTTP. Nobody in it exists."""
