"""The progress of chains on a cluster, as one bar and as nutpie tells it."""

from dataclasses import dataclass, field

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


@dataclass(frozen=True)
class ChainProgress:
    """What a `nutpie.ChainProgress` has."""

    total_draws: int
    finished_draws: int = 0
    divergences: int = 0
    tuning: bool = True
    started: bool = False
    latest_num_steps: int = 0
    total_num_steps: int = 0
    step_size: float = 0.0
    runtime_ms: int = 0
    divergent_draws: list[int] = field(default_factory=list)

    @property
    def num_steps(self) -> int:
        return self.latest_num_steps


class Bar:
    """All chains in one bar, in a terminal or a notebook."""

    def __init__(self, chains: int, draws: int):
        self._progress = Progress(
            TextColumn("{task.fields[chains]} chains"),
            BarColumn(),
            TextColumn(
                "{task.completed}/{task.total} draws, {task.fields[divergences]} divergences"
            ),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        self._bar = self._progress.add_task("", total=chains * draws, chains=chains, divergences=0)
        self._progress.start()

    def update(self, chains: list[ChainProgress]) -> None:
        self._progress.update(
            self._bar,
            completed=sum(chain.finished_draws for chain in chains),
            divergences=sum(chain.divergences for chain in chains),
        )

    def close(self) -> None:
        self._progress.stop()
