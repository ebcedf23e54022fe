"""MLPerf Tiny: the benchmark's own files, fetched from their repositories and checked.

`tinygauge.mlperf.manifest` says what there is, `tinygauge.mlperf.fetch` brings it.
"""
