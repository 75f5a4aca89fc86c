"""HTTP as the first and the last stage: fetching and uploading."""
