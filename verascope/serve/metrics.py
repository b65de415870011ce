"""Numbers for Prometheus. No label holds a name, a path, an id or a key."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from verascope import __version__
from verascope.result import Result

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
TENTHS = tuple(k / 10 for k in range(1, 11))


class Metrics:
    """One service's numbers."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = self.registry
        self.scans = Counter(
            "verascope_scans", "Inputs judged", ["modality", "verdict", "reason"], registry=own
        )
        self.seconds = Histogram(
            "verascope_scan_duration_seconds",
            "Reading and judging",
            buckets=SECONDS,
            registry=own,
        )
        self.scores = Histogram(
            "verascope_score", "Calibrated scores, for drift", buckets=TENTHS, registry=own
        )
        self.requests = Counter(
            "verascope_http_requests", "Requests answered", ["route", "status"], registry=own
        )
        self.depth = Gauge("verascope_queue_depth", "Items that wait or are at work", registry=own)
        self.oldest = Gauge(
            "verascope_queue_oldest_age_seconds", "Of the oldest item", registry=own
        )
        self.dead = Gauge("verascope_queue_dead_letters", "Items given up", registry=own)
        self.info = Gauge("verascope_model_info", "Models", ["detector", "version"], registry=own)
        version = Gauge("verascope_build_info", "Version", ["version"], registry=own)
        version.labels(__version__).set(1)

    def judged(self, result: Result) -> None:
        """Count a Result."""
        self.scans.labels(
            result.input.modality or "unknown", result.verdict or "none", result.reason or "none"
        ).inc()
        if "total" in result.timing:
            self.seconds.observe(result.timing["total"] / 1000)
        if result.score is not None:
            self.scores.observe(result.score)
        for each in result.detectors:
            self.info.labels(each.name, each.version).set(1)

    def text(self) -> bytes:
        """In Prometheus's format."""
        return generate_latest(self.registry)
