"""A forward HTTP proxy in kproxy's place: many hosts' agents reach Kentik through it, and nothing else."""
