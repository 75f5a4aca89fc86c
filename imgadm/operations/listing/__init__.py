"""What is installed and on offer: lists, fields, filters."""
