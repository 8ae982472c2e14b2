"""Why a service that works on a laptop fails in production: findings, from what the workers' probes told."""
