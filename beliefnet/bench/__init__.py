"""Speed beside other libraries: the same workloads, in turn, checked to compute the same.

`_measure` runs one workload by the library itself and by its peers, each in a process of its own. Nothing is imported
here: the process of a peer has no use for JAX.
"""
