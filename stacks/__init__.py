"""The stacks of the platform: each reads like its part of the architecture diagram."""

# First, so that the AWS bindings are imported the fast way.
import constructs_lib as constructs_lib
