"""Tables, lists, events, progress and questions on the terminal."""
