"""What a SageMaker notebook instance gets: each file a program of its own, for Python 3.10 and boto3 alone."""
