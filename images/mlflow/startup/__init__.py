"""What happens in the MLflow container before the server runs."""
