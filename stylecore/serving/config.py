"""Settings of a painting server."""

from __future__ import annotations

from dataclasses import dataclass

from stylecore.images.loading import MAX_MEGAPIXELS

LOOPBACK = ("127.0.0.1", "::1", "localhost")
DEFAULT_PORT = 8600


@dataclass(frozen=True)
class ServingConfig:
    """How `impasto serve` paints for others.

    Attributes:
        host: Address to listen on.
        port: Port to listen on.
        token: What requests must bring along as `Authorization: Bearer TOKEN`; empty asks for none.
        device: `auto`, `cpu` or `cuda`, as for `FastStylizer`.
        min_replicas: Processes that paint, at least.
        max_replicas: Processes that paint, at most; between the two their number follows the load.
        cpus: Processor cores of each process.
        gpus: Share of a GPU of each process, such as 0.25; 0 paints on the CPU.
        concurrent: Pictures that a process works on at once, so that one is decoded while another is painted.
        queue: Requests that wait for a free process; further ones are refused with status 429.
        timeout_s: Seconds after which a request is given up.
        megabytes: Largest request, in millions of bytes.
        megapixels: Largest photo, in millions of pixels.
        batch: Pictures of one size that share a run of a network; 1 paints each for itself.
        batch_wait_s: Seconds that a picture waits for others of its size.
        jobs: Custom runs at once, in processes of their own; 0: none are accepted.
        job_cpus: Processor cores of each of these processes.
        job_gpus: Share of a GPU of each.
        job_queue: Custom runs that may wait.
        job_minutes: Longest time of one.
        own_jobs: Custom runs of one owner that may wait or run at once.
        kept_megabytes: Memory of the finished ones that can be found again, in millions of bytes.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    token: str = ""
    device: str = "auto"
    min_replicas: int = 1
    max_replicas: int = 1
    cpus: float = 1.0
    gpus: float = 0.0
    concurrent: int = 2
    queue: int = 32
    timeout_s: float = 120.0
    megabytes: float = 50.0
    megapixels: float = MAX_MEGAPIXELS
    batch: int = 1
    batch_wait_s: float = 0.0
    jobs: int = 1
    job_cpus: float = 1.0
    job_gpus: float = 0.0
    job_queue: int = 8
    job_minutes: float = 120.0
    own_jobs: int = 2
    kept_megabytes: float = 400.0

    def __post_init__(self) -> None:
        least = {"min_replicas": 1, "concurrent": 1, "queue": 1, "batch": 1, "gpus": 0, "batch_wait_s": 0}
        least |= {"jobs": 0, "job_gpus": 0, "job_queue": 0, "own_jobs": 1}
        for name, value in least.items():
            if not getattr(self, name) >= value:
                raise ValueError(f"{name} is {getattr(self, name)}: at least {value} is needed")
        for name in (
            "cpus",
            "job_cpus",
            "timeout_s",
            "job_minutes",
            "megabytes",
            "megapixels",
            "kept_megabytes",
        ):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}: a number above 0 is needed")
        if not self.max_replicas >= self.min_replicas:
            raise ValueError(
                f"max_replicas is {self.max_replicas}: at least min_replicas, {self.min_replicas}, is needed"
            )
        if not self.token and self.host not in LOOPBACK:
            raise ValueError(
                f"other machines can reach {self.host}: a token is needed, see `impasto serve --help`"
            )
        if not self.token.isascii() or any(letter.isspace() for letter in self.token):
            raise ValueError("the token has spaces or letters beyond ASCII: use letters and digits")
