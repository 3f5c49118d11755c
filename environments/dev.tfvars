# A cheap environment to develop in; `make destroy ENV=dev` takes its data with it.
# Every key and its default: docs/settings.md. What is not set here keeps its default.

project      = "mlflow" # begins every name: mlflow-dev-...
protect_data = false    # `destroy` may delete data where the keys below ask for it a second time

# account_id = "012345678901" # recommended: the provider then refuses every other account, and the state bucket's name,
#                             # which must be unique worldwide, gets the number at its end

# access = {
#   users = ["alice"] # more users beside "mlflow", each with a password of its own; other ways in: docs/settings.md
# }

database = {
  min_capacity   = 0     # ACU; 0: pauses after ten minutes without a connection, wakes in about 15 s
  max_capacity   = 2     # ACU; the upper limit of the cost
  final_snapshot = false # nothing is left behind: the second of the two keys
}

service = {
  min_tasks = 1    # one task is enough to try things; the default of two survives the loss of a zone
  spot      = true # Fargate Spot: cheaper, but AWS may stop a task at two minutes' notice
}

artifacts = {
  noncurrent_days = 7    # days that deleted and overwritten artifacts are kept
  force_destroy   = true # deletes the bucket with all artifacts: the second of the two keys
}

secrets = {
  recovery_window_days = 0 # deleted at once, so that the same names can be made again the same day
}

logs = {
  retention_days = 7 # days that logs are kept
}

network = {
  nat = "single" # one NAT gateway for both zones
}
