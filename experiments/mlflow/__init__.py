"""What MLflow's words mean here: an experiment is a project, a run a run, an artifact a file.

No HTTP: `experiments.api.mlflow` reads requests and calls what is here. docs/mlflow.md says what of
MLflow works.
"""
