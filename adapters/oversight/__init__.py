"""What coordinators look at and decide: caseload, werkvoorraad, monitor, quality sample."""
