"""The console over real stores."""
