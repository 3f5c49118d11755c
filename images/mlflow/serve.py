"""``mlflow`` with its arguments, ended by SIGTERM from its first moment on.

As process 1 of a container it would ignore the signal until it has set its own handler, seconds later, and the task
would hang until ECS kills it.
"""

import runpy
import signal
import sys

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    runpy.run_module("mlflow", run_name="__main__", alter_sys=True)
