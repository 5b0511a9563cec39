"""Probes: asking endpoints whether they are well, on one's own account.

```python
prober = HealthProber(selector, HttpProbe(path="/health"), interval_seconds=10.0, timeout_seconds=5.0)
prober.start(worker)
```
"""

from seawall.prober._prober import HealthProber, ProbeTarget
from seawall.prober._probes import HttpProbe, Probe, ProbeFailed, TcpProbe

__all__ = ["HealthProber", "HttpProbe", "Probe", "ProbeFailed", "ProbeTarget", "TcpProbe"]
