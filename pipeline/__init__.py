"""Configuration-driven experiments for local semantic editing with GANs."""

__version__ = "0.1.0"
