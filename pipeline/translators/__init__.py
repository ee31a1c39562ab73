"""Networks that translate pictures from one set of attributes to another."""
