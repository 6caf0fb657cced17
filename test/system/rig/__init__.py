"""The rig of the system tests: namespaces around one gateway, real peers, captures, checks."""
