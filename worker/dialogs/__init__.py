"""Who said what to whom: questions and answers of one flow, from what the decoders read (step 5)."""
