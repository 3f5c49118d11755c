"""The lab: a notebook, what it starts in SageMaker, and the script that is trained there."""
