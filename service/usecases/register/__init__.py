"""What the operator keeps: agencies and their agreements, and whether all is sound."""
