# Production: survives the loss of a zone, keeps its data, never sleeps.
# Every key and its default: docs/settings.md. What is not set here keeps its default.

project      = "mlflow" # begins every name: mlflow-prod-...
protect_data = true     # `destroy` keeps database, bucket and secrets

# account_id = "012345678901" # recommended: the provider then refuses every other account, and the state bucket's name,
#                             # which must be unique worldwide, gets the number at its end

# access = {
#   type      = "jwt" # API Gateway checks tokens of your identity provider, instead of nginx passwords
#   issuer    = "https://login.example.com/tenant/v2.0" # exactly the "iss" of the tokens
#   audiences = ["mlflow"] # their "aud"
# }

# api = {
#   domain = { name = "mlflow.example.com", zone = "example.com" } # instead of API Gateway's own name
# }

state = {
  lock = "both" # a lock in DynamoDB and a lock file in S3: either alone may be retired later
}

network = {
  availability_zones = 3        # survives the loss of one with two thirds of its capacity
  nat                = "per_az" # a NAT gateway in each zone: no zone depends on another
  flow_logs          = true     # metadata of all traffic, for investigations
  interface_endpoints = [       # what a task needs to start, without going through NAT
    "ecr.api", "ecr.dkr", "logs", "secretsmanager"
  ]
}

database = {
  min_capacity          = 0.5 # ACU; above 0 it never pauses, so the first request of the day is not slow
  max_capacity          = 8   # ACU; the upper limit of the cost
  backup_retention_days = 30  # days; AWS keeps 35 at most
}

service = {
  min_tasks = 3     # one in each zone
  max_tasks = 9     # autoscaling stops here
  spot      = false # AWS may stop a Spot task at any time
}

artifacts = {
  noncurrent_days = 90 # days to find out that an artifact was deleted or overwritten by mistake
}

secrets = {
  recovery_window_days = 30 # days to restore a deleted secret
}

logs = {
  retention_days = 365 # days that logs are kept
}

notebook = {
  root_access = false # users of the notebook can't become root
}

usage = {                         # what a month brings, for the estimate of the cost alone
  requests_millions     = 5       # million requests
  api_hours             = 730     # somebody calls at any hour
  nat_gb                = 50      # GB
  endpoints_gb          = 30      # GB: logs for the most part
  lcu                   = 0.5     # on average
  database_acu          = 1       # ACU on average
  database_gb           = 20      # GB
  database_io_millions  = 20      # million reads and writes
  database_backup_gb    = 40      # GB: 30 days of backups, beyond the size of the database
  logs_gb               = 10      # GB written: nginx, MLflow, database, access log
  flow_logs_gb          = 20      # GB written
  images_gb             = 5       # GB
  artifacts_gb          = 500     # GB
  artifacts_objects     = 200000  # in the bucket
  artifacts_new_objects = 20000   # of them
}
