"""What `flowherd check` looks at: each module a part of the host, each function findings with remedies."""
