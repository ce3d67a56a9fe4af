"""Who leads a plan and who is who (OWN, IDN): what every practice may ask, and the one place that writes a new lead."""
