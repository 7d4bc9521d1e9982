"""Translation, pure: a platform's payload in, an event or a reason out; no I/O and nothing of ours from outside."""
