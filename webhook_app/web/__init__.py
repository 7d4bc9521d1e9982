"""The web process: verifies a webhook, stores it and answers; never translates one."""
