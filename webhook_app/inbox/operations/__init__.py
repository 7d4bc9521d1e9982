"""What people do and see: sign-ins, audit events, jobs, muted findings, refused requests, shared pages."""
