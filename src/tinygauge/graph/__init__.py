"""Models as graphs: reading `.tflite`, counting work, looking at weights."""
