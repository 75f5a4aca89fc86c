"""What everything stands on: errors, texts, files, locks, programs. Imports nothing of the rest."""
