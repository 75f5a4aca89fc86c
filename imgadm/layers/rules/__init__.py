"""What a layer may contain: names, whiteouts and limits, and the error that refuses the rest."""
