"""The data plane on this machine: a MySQL-compatible database, S3, MLflow and nginx, without a container engine.

``make local`` runs it for people, and the tests run it for themselves. MLflow and nginx are started by the entrypoints
of the images, with the variables that the task definition gives them.
"""
