"""The servers that audits run on, in one process tree: Postgres, Airflow, MLflow and the report site, on loopback."""
