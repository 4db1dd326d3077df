"""What English texts are about, as vectors: near vectors, near meanings. Pure; no language model runs. See
docs/meaning.md."""
