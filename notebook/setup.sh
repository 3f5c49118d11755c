#!/bin/bash
# Makes the environment and the kernel "MLflow", and places the lab. mlflow-setup runs it as ec2-user after each start, with
# the settings as variables. Every step can be repeated; one that fails leaves the reason in $MLFLOW_SETUP_REASONS and what
# was there before as it was, and the others are done all the same.
set -uo pipefail

files=$(cd "$(dirname "$0")/.." && pwd)
own=$HOME/SageMaker/.mlflow
log=$(mktemp)
trap 'rm -f "$log"' EXIT

because() {
    echo "- $1" >>"$MLFLOW_SETUP_REASONS"
}

install_packages() {
    # The cache would be on a disk that the next stop empties.
    "$NOTEBOOK_PYTHON" -m venv "$1" &&
        "$1/bin/python" -m pip install --no-cache-dir --disable-pip-version-check --progress-bar off \
            -r "$files/setup/requirements.txt"
}

why_not_installed() {
    local free
    # pip says what went wrong, venv does not.
    free=$(df --output=avail --block-size=1M "$own" | tail -n 1)
    if [ "$free" -lt 100 ]; then
        echo "the disk is full: delete files, or set notebook.volume_size_gb higher"
    else
        grep -i -a error "$log" | tail -n 1
    fi
}

make_environment() {
    local name new
    # Another Python, after an update of the instance's platform, needs another environment.
    name=env-$({
        "$NOTEBOOK_PYTHON" -c 'import sys; print(sys.executable, sys.version)'
        cat "$files/setup/requirements.txt"
    } | sha256sum | cut -c 1-16)
    new=$own/$name
    if [ ! -f "$new/complete" ]; then
        echo "installing packages; this takes some minutes ..."
        rm -rf "$new"
        if ! install_packages "$new" >"$log" 2>&1; then
            cat "$log"
            because "the packages of the kernel MLflow could not be installed: $(why_not_installed)"
            rm -rf "$new"
            return
        fi
        touch "$new/complete"
    fi
    ln -sfn "$name" "$own/env"
    find "$own" -mindepth 1 -maxdepth 1 -name 'env-*' ! -name "$name" -exec rm -rf {} +
}

register_kernel() {
    local folder=$HOME/.local/share/jupyter/kernels/mlflow
    # Where the environment is one of before, its Python may be gone.
    "$own/env/bin/python" -c '' 2>/dev/null || return
    mkdir -p "$folder"
    cat >"$folder/kernel.json" <<KERNEL || because "the kernel MLflow could not be registered in $folder"
{
 "argv": ["$own/env/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
 "display_name": "MLflow",
 "language": "python",
 "metadata": {"debugger": true}
}
KERNEL
}

place_lab() {
    [ -d "$files/lab" ] || return
    "$NOTEBOOK_PYTHON" "$files/setup/place_lab.py" "$files/lab" "$HOME/SageMaker/lab" "$own/lab.json" >"$log" 2>&1 ||
        because "the lab could not be placed: $(tail -n 1 "$log")"
    cat "$log"
}

make_environment
register_kernel
place_lab
