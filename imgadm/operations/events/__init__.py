"""What happens during operations, as data for the views: one module for each kind of operation."""
