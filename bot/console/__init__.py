"""The counsellors' web application: a process, an origin and a cookie of its own."""
