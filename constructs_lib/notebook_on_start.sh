#!/bin/bash
# Runs as root each time the notebook instance starts. SageMaker gives it 5 minutes, and does not start the instance if it
# fails: so it ends within seconds, with 0 whatever happens. What takes long runs in the background as the user, and nothing
# that the user or the bucket can change runs as root. All but /home/ec2-user/SageMaker is new at each start.
set -Eeuo pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

home=/home/ec2-user
ours=/opt/mlflow-notebook
setup=$home/SageMaker/.mlflow/files/setup

as_user() {
    runuser -u ec2-user -- env HOME="$home" "$@"
}

give_up() {
    trap - ERR
    echo "MLflow: $1" >&2
    as_user "$ours/bin/say-why" <<<"- $1" || true
    exit 0
}
trap 'give_up "the start script failed in line $LINENO: $BASH_COMMAND"' ERR

mkdir -p "$ours/bin"
cat >"$ours/settings" <<'SETTINGS'
@SETTINGS@
SETTINGS

# Tells the user what went wrong, by the lines of its input; that all is well, if there are none.
cat >"$ours/bin/say-why" <<'SAY_WHY'
#!/bin/bash
set -uo pipefail
failed=/home/ec2-user/SageMaker/MLFLOW-SETUP-FAILED.txt
elsewhere=/home/ec2-user/MLFLOW-SETUP-FAILED.txt
rm -f "$failed" "$elsewhere"
reasons=$(cat)
[ "$reasons" ] || exit 0
text="The setup of MLflow on this notebook instance is not complete ($(date -u '+%Y-%m-%d %H:%M') UTC):

$reasons

All else works as usual. More is in mlflow-setup.log. To try again, run mlflow-setup in a terminal, or stop and start the
notebook instance. This file goes away when all is well."
if ! echo "$text" >"$failed"; then
    # A full disk has no room for a file, but for a link to one on the other disk.
    rm -f "$failed"
    echo "$text" >"$elsewhere"
    ln -s "$elsewhere" "$failed"
fi 2>/dev/null
SAY_WHY

# For on-start and for terminals: what this script leaves to the user's own rights.
cat >"$ours/bin/mlflow-setup" <<'MLFLOW_SETUP'
#!/bin/bash
set -uo pipefail
[ "$(id -u)" != 0 ] || exec runuser -u ec2-user -- "$0"
set -a
# shellcheck source=/dev/null
. /opt/mlflow-notebook/settings
export HOME=/home/ec2-user
MLFLOW_SETUP_REASONS=$(mktemp)
set +a
trap 'rm -f "$MLFLOW_SETUP_REASONS" "$MLFLOW_SETUP_REASONS.fetch"' EXIT
cd "$HOME/SageMaker" || exit

exec 9>>/opt/mlflow-notebook/lock
flock 9 # one at a time; and autostop.py sees it

fetch() {
    "$NOTEBOOK_PYTHON" - <<'FETCH'
import hashlib, os, pathlib, shutil, sys

import boto3
from botocore.config import Config

url, own = os.environ["NOTEBOOK_FILES"], pathlib.Path(".mlflow")
bucket, _, prefix = url.removeprefix("s3://").partition("/")
new, files, lines = own / "files.new", own / "files", []
shutil.rmtree(new, ignore_errors=True)
try:
    s3 = boto3.client("s3", config=Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 3}))
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix + "/")
    for key in sorted(item["Key"] for page in pages for item in page.get("Contents", ())):
        name = key[len(prefix) + 1 :]
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
        (new / name).parent.mkdir(parents=True, exist_ok=True)
        (new / name).write_bytes(content)
    if not (new / "setup" / "setup.sh").is_file():
        raise FileNotFoundError("there is no setup/setup.sh; deploy again, which puts the files there")
    # Others may write to the bucket. What runs here is what was deployed.
    expected = os.environ.get("NOTEBOOK_FILES_SHA256")
    if expected and hashlib.sha256("".join(lines).encode()).hexdigest() != expected:
        raise ValueError("they are not those that were deployed with this instance; deploy again")
    shutil.rmtree(files, ignore_errors=True)
    new.rename(files)
except Exception as error:
    shutil.rmtree(new, ignore_errors=True)
    sys.exit(f"the files of {url} could not be fetched: {' '.join(str(error).split())}")
FETCH
}

{
    echo "=== $(date -u '+%Y-%m-%d %H:%M:%S') UTC"
    if ! fetch 2>"$MLFLOW_SETUP_REASONS.fetch"; then
        cat "$MLFLOW_SETUP_REASONS.fetch"
        sed -n '$s/^/- /p' "$MLFLOW_SETUP_REASONS.fetch" >>"$MLFLOW_SETUP_REASONS"
    fi
    # Without the bucket, those of an earlier start.
    if [ -f .mlflow/files/setup/setup.sh ]; then
        bash .mlflow/files/setup/setup.sh
    fi
    /opt/mlflow-notebook/bin/say-why <"$MLFLOW_SETUP_REASONS"
    if [ -s "$MLFLOW_SETUP_REASONS" ]; then
        echo "not complete:"
        cat "$MLFLOW_SETUP_REASONS"
    else
        echo "complete"
    fi
} </dev/null 2>&1 | tee -a mlflow-setup.log
[ ! -s "$MLFLOW_SETUP_REASONS" ]
MLFLOW_SETUP
chmod 755 "$ours/bin/say-why" "$ours/bin/mlflow-setup"
install -m 644 -o ec2-user /dev/null "$ours/lock"

# Terminals.
cat >"$ours/mlflow-login.bash" <<'MLFLOW_LOGIN'
mlflow-login() {
    local exports program=/home/ec2-user/SageMaker/.mlflow/files/setup/startup.py
    if [ ! -f "$program" ]; then
        echo "the setup is not complete: look at mlflow-setup.log" >&2
        return 1
    fi
    exports=$("$NOTEBOOK_PYTHON" "$program") && eval "$exports"
}
MLFLOW_LOGIN
cat >/etc/profile.d/mlflow.sh <<'PROFILE'
set -a
. /opt/mlflow-notebook/settings
set +a
PATH=$PATH:/opt/mlflow-notebook/bin
# Other shells know no names with a hyphen.
if [ -n "$BASH_VERSION" ] && [ -z "$POSIXLY_CORRECT" ]; then
    . /opt/mlflow-notebook/mlflow-login.bash
fi
PROFILE

# Python kernels, which read no profile: IPython runs the files of this folder when a kernel starts.
as_user mkdir -p "$home/.ipython/profile_default/startup"
as_user tee "$home/.ipython/profile_default/startup/00-mlflow.py" >/dev/null <<'STARTUP'
def _mlflow():
    import os
    import runpy
    import shlex

    with open("/opt/mlflow-notebook/settings") as settings:
        for name, _, value in (line.partition("=") for line in shlex.split(settings.read())):
            os.environ.setdefault(name, value)
    program = "/home/ec2-user/SageMaker/.mlflow/files/setup/startup.py"
    if os.path.exists(program):
        runpy.run_path(program)["in_kernel"]()


_mlflow()
del _mlflow
STARTUP

# A Python that has boto3: for what is copied and run below, and for the environment.
python=
for candidate in "$home"/anaconda3/envs/python3 "$home"/anaconda3/envs/JupyterSystemEnv "$home"/anaconda3; do
    if as_user timeout 60 "$candidate/bin/python" -c 'import boto3, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
        python=$candidate/bin/python
        break
    fi
done
[ "$python" ] || give_up "no Python 3.10 or newer with boto3 in $home/anaconda3: use a newer platform of SageMaker"
echo "NOTEBOOK_PYTHON='$python'" >>"$ours/settings"

# shellcheck source=/dev/null
. "$ours/settings"
if [ "$IDLE_MINUTES" -gt 0 ]; then
    echo "*/5 * * * * ec2-user set -a; . $ours/settings; exec $python $setup/autostop.py" >/etc/cron.d/mlflow-autostop
else
    rm -f /etc/cron.d/mlflow-autostop
fi

nohup runuser -u ec2-user -- "$ours/bin/mlflow-setup" </dev/null >/dev/null 2>&1 &
