"""Calibration by the user: measurements of their own, read, checked and turned into a file.

`readings.py` says what a measurement is, `table.py` and `runs.py` read them, `learn.py` turns
them into a calibration, `files.py` keeps it. The mathematics are those of `tinygauge.cost`.

::

    from tinygauge.calibration import learn, read_measurements, save_calibration
    own = learn(read_measurements("measurements.csv")).calibration
    save_calibration(own, "calibration.json")
    predict(model, board, engine, calibration=own)
"""

from tinygauge.calibration.files import load_calibration, save_calibration
from tinygauge.calibration.learn import Check, Learnt, learn, read_measurements
from tinygauge.calibration.readings import Place
from tinygauge.cost.calibrate import Measurement, calibrate
from tinygauge.cost.calibration import UserCalibration

__all__ = [
    "Check",
    "Learnt",
    "Measurement",
    "Place",
    "UserCalibration",
    "calibrate",
    "learn",
    "load_calibration",
    "read_measurements",
    "save_calibration",
]
