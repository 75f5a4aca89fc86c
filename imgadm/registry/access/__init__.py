"""Access to a registry: its servers, certificates, credentials and tokens."""
