"""The two container images: their build contexts, and what builds and publishes them."""
