"""What packets carry: one pure kernel a protocol, bytes to the cells of an exchange (step 5)."""
