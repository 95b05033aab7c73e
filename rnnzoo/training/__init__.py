"""What every task trains with: data modules, optimisers, schedules, callbacks, checkpoints."""

from rnnzoo.training.averaging import KeepValidated, average_state_dicts
from rnnzoo.training.checkpoint import BestCheckpoint, DurableCheckpointIO, StepCheckpoints, is_whole, sidecar
from rnnzoo.training.dropout import DropoutConfig
from rnnzoo.training.finite import NonFiniteError, SkippedStep
from rnnzoo.training.history import History, draw_curve, read_history
from rnnzoo.training.labelled_data import LabelledData, LabelledDataConfig
from rnnzoo.training.memory import keep_few_kernels, keep_freed_memory
from rnnzoo.training.muon import MuonConfig
from rnnzoo.training.nt_asgd import NTASGD, NTASGDConfig
from rnnzoo.training.optim import OptimizerConfig, ScheduleConfig
from rnnzoo.training.pair_data import PairData, PairDataConfig
from rnnzoo.training.pretrained import FreezeEmbedding, PretrainedEmbedding
from rnnzoo.training.progress import TrainProgress
from rnnzoo.training.regularization import RegularizationConfig
from rnnzoo.training.samples import SampleConfig, SampleText
from rnnzoo.training.stopping import OtherRankEnded, StopInValidation, StopOnSignal, Stopped
from rnnzoo.training.stream_data import StreamData, StreamDataConfig, WordDataConfig

__all__ = [
    "NTASGD",
    "BestCheckpoint",
    "DropoutConfig",
    "DurableCheckpointIO",
    "FreezeEmbedding",
    "History",
    "KeepValidated",
    "LabelledData",
    "LabelledDataConfig",
    "MuonConfig",
    "NTASGDConfig",
    "NonFiniteError",
    "OptimizerConfig",
    "OtherRankEnded",
    "PairData",
    "PairDataConfig",
    "PretrainedEmbedding",
    "RegularizationConfig",
    "SampleConfig",
    "SampleText",
    "ScheduleConfig",
    "SkippedStep",
    "StepCheckpoints",
    "StopInValidation",
    "StopOnSignal",
    "Stopped",
    "StreamData",
    "StreamDataConfig",
    "TrainProgress",
    "WordDataConfig",
    "average_state_dicts",
    "draw_curve",
    "is_whole",
    "keep_few_kernels",
    "keep_freed_memory",
    "read_history",
    "sidecar",
]
