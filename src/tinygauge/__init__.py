"""TinyGauge tells an embedded engineer which trained model to ship on which microcontroller."""

__version__ = "0.1.0"
