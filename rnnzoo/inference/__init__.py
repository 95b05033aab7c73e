"""What is done with a net: text generated, scored and translated, plans to decode with, graphs to export."""
