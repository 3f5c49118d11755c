#!/bin/bash
# Runs as root each time the notebook instance starts (SageMaker: within 5 minutes).
set -euo pipefail

# Terminals.
cat > /etc/profile.d/mlflow.sh <<'PROFILE'
export MLFLOW_TRACKING_URI='http://@TRACKING_HOST@'
export MLFLOW_CREDENTIALS_SECRET='@SECRET_ARN@'
PROFILE

# Python kernels, which read no profile: IPython runs these files when a kernel starts.
startup=/home/ec2-user/.ipython/profile_default/startup
mkdir -p "$startup"
cat > "$startup/00-mlflow.py" <<'STARTUP'
import os

os.environ.setdefault("MLFLOW_TRACKING_URI", "http://@TRACKING_HOST@")
os.environ.setdefault("MLFLOW_CREDENTIALS_SECRET", "@SECRET_ARN@")
STARTUP
chown -R ec2-user:ec2-user /home/ec2-user/.ipython
