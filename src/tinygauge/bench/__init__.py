"""The bench: what is measured on a real board, and with what."""
