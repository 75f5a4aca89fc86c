"""The command line: parse words, call an operation, print its result. Only this room prints."""
