"""The command line: parse, call an operation, render what it returns. All that prints is here."""
