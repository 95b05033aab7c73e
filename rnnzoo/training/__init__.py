"""What every task trains with: data modules, optimisers, schedules, callbacks, checkpoints."""

from rnnzoo.training.checkpoint import DurableCheckpointIO
from rnnzoo.training.history import History, draw_curve, read_history
from rnnzoo.training.memory import keep_freed_memory
from rnnzoo.training.optim import OptimizerConfig, ScheduleConfig
from rnnzoo.training.progress import TrainProgress
from rnnzoo.training.samples import SampleConfig, SampleText
from rnnzoo.training.stream_data import StreamData, StreamDataConfig

__all__ = [
    "DurableCheckpointIO",
    "History",
    "OptimizerConfig",
    "SampleConfig",
    "SampleText",
    "ScheduleConfig",
    "StreamData",
    "StreamDataConfig",
    "TrainProgress",
    "draw_curve",
    "keep_freed_memory",
    "read_history",
]
