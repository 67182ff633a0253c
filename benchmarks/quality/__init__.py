"""Quality of answers on public sets: the whole graph, simple baselines on the same retrieval, and ablations.

`python -m benchmarks.quality [--sets twowiki clapnq musique] [--sample N] [--ablations N] [--home DIR]`
"""
