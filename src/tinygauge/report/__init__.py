"""Reports: ``text`` tables and sentences, ``serialise`` JSON and CSV, ``plots``, ``write`` all.

Import from the modules: showing an inspected model must not load what an evaluation needs.
"""
