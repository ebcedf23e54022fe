"""What to paste into a firmware: a model as C++ for TensorFlow Lite for Microcontrollers (TFLM).

`render_deployment` makes the files as text; `write_deployment` puts them into a folder. Nothing
here predicts anything: the figures come with the `Memory` record.
"""

from tinygauge.deploy.folder import ArenaSize, Deployment, render_deployment, write_deployment

__all__ = ["ArenaSize", "Deployment", "render_deployment", "write_deployment"]
