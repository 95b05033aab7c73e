"""The kinds of cases, a module for each family."""
