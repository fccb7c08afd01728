"""What two kinds of process must agree on; imports none of them."""
