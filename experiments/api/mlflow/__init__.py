"""The addresses that MLflow's clients call; what their words mean is in `experiments.mlflow`."""
