"""`baton demo`: a small made-up locality, and a story of care between agencies played over real HTTP. No person in the story
exists."""
