"""What people look at: live tables, recent flows, queries over the store."""
