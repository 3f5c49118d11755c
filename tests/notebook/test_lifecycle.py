"""The lifecycle scripts, run for real: what is there after one start, or two, or after one that went wrong."""

from __future__ import annotations

import json

from tests.notebook.conftest import ADDRESS, LAB, Bucket, Machines, script, start
from tests.notebook.instance import CONDA_PYTHON, FAILED, FOLDER, HOME, Instance
from tests.waiting import eventually

PROFILE = "/etc/profile.d/mlflow.sh"
KERNEL = HOME / ".local" / "share" / "jupyter" / "kernels" / "mlflow" / "kernel.json"


def _snapshot(machine: Instance) -> list[str]:
    """Name, kind, target and size of all on the disk that lasts, without the diary and what is within environments."""
    tree = machine.run(["find", FOLDER, "-path", "*/env-*/*", "-prune", "-o", "-printf", "%P %y %l %s\n"]).stdout
    return sorted(line for line in tree.splitlines() if "mlflow-setup.log" not in line)


def _kernel_works(machine: Instance) -> bool:
    python = json.loads(machine.path(KERNEL).read_text())["argv"][0]
    return machine.run([python, "-c", "print('works')"]).stdout == "works\n"


def _is_usable(machine: Instance) -> bool:
    """Terminals and Python work, which is what the user has without us."""
    shell = machine.terminal("echo works").stdout == "works\n"
    return shell and machine.run([CONDA_PYTHON, "-c", "print('works')"]).stdout == "works\n"


# --- A good start ---


def test_a_new_instance_gets_kernel_lab_and_a_word_of_welcome(machines: Machines, bucket: Bucket) -> None:
    bucket.fill()
    with machines.start() as machine:
        assert machine.run_lifecycle(script("create")).returncode == 0
        log = start(machine, script("start"))

        assert "complete" in log.splitlines()
        assert json.loads(machine.path(KERNEL).read_text())["display_name"] == "MLflow"
        assert _kernel_works(machine)
        assert {name: machine.read(f"lab/{name}") for name in LAB} == LAB
        assert "lab/lab.ipynb" in machine.read("START-HERE.md")
        assert not (machines.disk / FAILED).exists()
        assert machine.run(["find", HOME, "!", "-user", "ec2-user"]).stdout == "", "all of it is the user's"


def test_nothing_that_root_runs_can_be_changed_by_the_user(used: Machines) -> None:
    with used.start() as machine:
        start(machine, script("start"))

        writable = ["find", "/etc/cron.d", "/etc/profile.d", "/opt/mlflow-notebook", "-writable", "!", "-type", "l"]
        assert machine.run(writable).stdout == "/opt/mlflow-notebook/lock\n"
        assert machine.path("/etc/cron.d/mlflow-autostop").read_text().split()[5] == "ec2-user"


def test_a_second_start_finds_all_as_it_was(used: Machines) -> None:
    with used.start() as machine:
        before = _snapshot(machine)
        log = start(machine, script("start"))

        assert _snapshot(machine) == before
        assert _kernel_works(machine)
        assert log.count("installing packages") == 1, "by the first start"


def test_the_script_can_run_twice_in_one_start(used: Machines) -> None:
    with used.start() as machine:
        start(machine, script("start"))
        before = _snapshot(machine)
        start(machine, script("start"))

        assert _snapshot(machine) == before
        assert machine.terminal("echo $MLFLOW_TRACKING_URI").stdout == f"{ADDRESS}\n"


def test_other_packages_make_a_new_environment_and_remove_the_old_one(used: Machines, bucket: Bucket) -> None:
    [before] = used.disk.glob(".mlflow/env-*")
    bucket.fill(requirements="requests-auth-aws-sigv4==0.7\n")
    with used.start() as machine:
        start(machine, script("start"))

        [after] = used.disk.glob(".mlflow/env-*")
        assert after != before
        python = FOLDER / ".mlflow" / "env" / "bin" / "python"
        assert machine.run([python, "-c", "import requests_auth_aws_sigv4"]).returncode == 0


def test_an_installation_that_a_stop_has_cut_off_is_done_again(machines: Machines, bucket: Bucket) -> None:
    bucket.fill()
    with machines.start() as machine:
        machine.run_lifecycle(script("start"))
        eventually(lambda: list(machines.disk.glob(".mlflow/env-*")), "the installation begins")
    assert not list(machines.disk.glob(".mlflow/env-*/complete"))
    with machines.start() as machine:
        start(machine, script("start"))

        assert _kernel_works(machine)
        assert not (machines.disk / FAILED).exists()


def test_a_start_does_not_wait_for_what_takes_long(used: Machines) -> None:
    with used.start() as machine:
        start(machine, script("start"))
        hold = "exec 9>>/opt/mlflow-notebook/lock; flock 9; touch ~/SageMaker/held; sleep infinity"
        setup = machine.run_in_background(["bash", "-c", hold])
        eventually(lambda: (used.disk / "held").exists(), "a setup is under way")

        assert machine.run_lifecycle(script("start")).returncode == 0
        assert setup.poll() is None, "it still is"
    setup.wait()


# --- The lab and its user ---


def test_what_the_user_has_changed_in_the_lab_is_kept(used: Machines, bucket: Bucket) -> None:
    bucket.fill(lab={**LAB, "lab.ipynb": "newer", "README.md": "newer"})
    with used.start() as machine:
        machine.write("lab/lab.ipynb", "mine")
        machine.write("lab/own.py", "mine")
        log = start(machine, script("start"))

        found = {name: machine.read(f"lab/{name}") for name in ("lab.ipynb", "own.py", "README.md")}
        assert found == {"lab.ipynb": "mine", "own.py": "mine", "README.md": "newer"}
        assert f"kept {FOLDER}/lab/lab.ipynb, which you have changed" in log


def test_what_the_user_has_deleted_of_the_lab_stays_deleted_until_all_of_it_is(used: Machines) -> None:
    with used.start() as machine:
        machine.run(["rm", FOLDER / "lab" / "README.md"])
        start(machine, script("start"))
        assert not (used.disk / "lab" / "README.md").exists()

        machine.run(["rm", "-r", FOLDER / "lab"])
        start(machine, script("start"))
        assert {name: machine.read(f"lab/{name}") for name in LAB} == LAB


# --- Terminals ---


def test_every_shell_knows_the_settings(used: Machines) -> None:
    with used.start() as machine:
        start(machine, script("start", MLFLOW_ACCESS="iam", LAB_PREFIX="mlflow-dev"))

        show = 'echo "$MLFLOW_TRACKING_URI $MLFLOW_ACCESS $LAB_PREFIX"'
        for shell in (["bash", "-lc", show], ["sh", "-lc", show], ["bash", "--posix", "-c", f". {PROFILE}; {show}"]):
            done = machine.run(shell)
            assert (done.stdout, done.stderr) == (f"{ADDRESS} iam mlflow-dev\n", ""), shell


# --- Failures ---


def test_an_empty_bucket_is_named_until_a_later_start_is_good(machines: Machines, bucket: Bucket) -> None:
    bucket.clear()
    with machines.start() as machine:
        start(machine, script("start"))

        assert "s3://artifacts/notebook could not be fetched: there is no setup/setup.sh" in machine.read(FAILED)
        assert _is_usable(machine)
    bucket.fill()
    with machines.start() as machine:
        start(machine, script("start"))

        assert not (machines.disk / FAILED).exists()
        assert _kernel_works(machine)


def test_files_that_were_not_deployed_do_not_run(used: Machines, bucket: Bucket) -> None:
    deployed = bucket.fill()
    with used.start() as machine:
        start(machine, script("start", NOTEBOOK_FILES_SHA256=deployed))
        assert not (used.disk / FAILED).exists()

        bucket.s3.put_object(Bucket="artifacts", Key="notebook/setup/setup.sh", Body=b"touch ~/SageMaker/foreign")
        start(machine, script("start", NOTEBOOK_FILES_SHA256=deployed))
        assert "they are not those that were deployed" in machine.read(FAILED)
        assert not (used.disk / "foreign").exists()
        assert _kernel_works(machine)


def test_without_a_network_a_new_instance_says_so(machines: Machines) -> None:
    with machines.start(network=False) as machine:
        start(machine, script("start"))

        assert "could not be fetched: Could not connect to the endpoint URL" in machine.read(FAILED)
        assert _is_usable(machine)


def test_without_a_network_a_used_instance_still_has_its_kernel(used: Machines) -> None:
    with used.start(network=False) as machine:
        start(machine, script("start"))

        assert "could not be fetched" in machine.read(FAILED)
        assert _kernel_works(machine)


def test_packages_that_cannot_be_installed_are_named_and_the_old_ones_stay(used: Machines, bucket: Bucket) -> None:
    bucket.fill(requirements="requests-auth-aws-sigv4==0.0.0.0\n", lab={**LAB, "new.py": "new"})
    with used.start() as machine:
        start(machine, script("start"))

        assert "No matching distribution found for requests-auth-aws-sigv4==0.0.0.0" in machine.read(FAILED)
        assert _kernel_works(machine)
        assert machine.read("lab/new.py") == "new", "the rest is done"


def test_a_disk_that_gets_full_is_named_as_the_reason(machines: Machines, bucket: Bucket) -> None:
    bucket.fill()
    with machines.start(disk_megabytes=3) as machine:
        start(machine, script("start"))

        assert "the disk is full: delete files" in machine.read(FAILED)
        assert machine.run(["find", FOLDER, "-name", "env-*"]).stdout == "", "half an environment is removed"
        assert machine.read("lab/README.md") == LAB["README.md"]
        assert _is_usable(machine)


def test_a_disk_without_any_room_shows_the_reason_until_all_is_well(machines: Machines, bucket: Bucket) -> None:
    bucket.fill()
    with machines.start(disk_megabytes=60) as machine:
        machine.run(["dd", "if=/dev/zero", f"of={FOLDER}/data", "bs=64k"])
        start(machine, script("start"))
        assert "No space left on device" in machine.read(FAILED)
        assert _is_usable(machine)

        machine.run(["rm", FOLDER / "data"])
        again = machine.terminal("mlflow-setup")
        assert again.returncode == 0, again.stdout
        assert machine.run(["ls", FOLDER]).stdout.split() == ["lab", "mlflow-setup.log"]


def test_a_conda_without_boto3_is_named(machines: Machines) -> None:
    with machines.start(boto3=False) as machine:
        start(machine, script("start"))

        assert "no Python 3.10 or newer with boto3" in machine.read(FAILED)
        assert machine.terminal("echo $MLFLOW_TRACKING_URI").stdout == f"{ADDRESS}\n"


def test_a_script_that_cannot_even_begin_lets_the_instance_start(machines: Machines) -> None:
    with machines.start() as machine:
        machine.path("/opt/mlflow-notebook").write_text("in the way")

        assert machine.run_lifecycle(script("start")).returncode == 0
        assert _is_usable(machine)
