"""The inspection page: edits found, dragged, compared and named in a browser; its logic first."""
