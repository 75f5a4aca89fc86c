"""Stages that look at bytes or change their form: checksums and compressions."""
