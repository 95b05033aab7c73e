"""What recurrent networks remember: copying, adding, and how far back a gradient reaches."""
