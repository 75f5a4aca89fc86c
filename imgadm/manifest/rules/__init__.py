"""The rules of the fields of a manifest."""
