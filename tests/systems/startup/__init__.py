"""The folder that PYTHONPATH names, so that Python runs its sitecustomize at the start of every process."""
