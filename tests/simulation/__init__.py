"""Many kernels on one virtual clock: this package's own refresh and backoff, and a model of Cognito's quotas."""
