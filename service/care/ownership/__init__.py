"""Who leads a plan (OWN) and which records are of one person (IDN), for every practice; the one place that writes a new lead."""
