#!/bin/bash
# Runs as root once, when the notebook instance is made, before its first on-start script; that one does the work, so that
# every start repairs it. An instance whose script fails is not made: so this ends with 0 whatever happens.
set -uo pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

runuser -u ec2-user -- tee /home/ec2-user/SageMaker/START-HERE.md >/dev/null <<'START_HERE' || true
# MLflow on this notebook instance

After the first start it takes some minutes until all of this is there; `mlflow-setup.log` shows how far it is.

- The kernel **MLflow** has the MLflow client of the server's version. In a notebook, `import mlflow` is enough: address and
  credentials are there. In a terminal, run `mlflow-login` first.
- The folder `lab` is a course: open `lab/lab.ipynb` with the kernel MLflow.
- If something went wrong, the file `MLFLOW-SETUP-FAILED.txt` says what, and what to do.
- After some time without use the instance may stop by itself; why it did is in `mlflow-autostop.log`. Files stay.
  To keep it running for eight hours more: `touch -d '8 hours' ~/SageMaker/.mlflow/keep-running`

You may delete this file.
START_HERE
exit 0
