"""The foundation of all rooms: errors, texts, files, locks, programs. Imports no other room."""
