#!/bin/bash
# Runs as root each time the notebook instance starts (SageMaker: within 5 minutes).
set -euo pipefail

# Terminals.
cat > /etc/profile.d/mlflow.sh <<'PROFILE'
@EXPORTS@
PROFILE

# Python kernels, which read no profile: IPython runs these files when a kernel starts.
startup=/home/ec2-user/.ipython/profile_default/startup
mkdir -p "$startup"
cat > "$startup/00-mlflow.py" <<'STARTUP'
import os

for name, value in @VARIABLES@.items():
    os.environ.setdefault(name, value)
STARTUP
chown -R ec2-user:ec2-user /home/ec2-user/.ipython
