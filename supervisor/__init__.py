"""Decides who runs where; opens and owns capture sockets, tables, pipes and locks."""
