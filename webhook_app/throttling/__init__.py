"""Circuit breakers, rate limits and fair shares between shops; pure."""
