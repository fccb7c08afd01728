"""Any bytes: targets for a coverage-guided fuzzer, and the inputs it found worth keeping."""
