"""Training around Keras's `fit`: loss, optimisers, schedules, resume, averaging, validation and reports."""

from zoo.training.callbacks.early_stopping import EarlyStopping
from zoo.training.callbacks.history import History, read_history
from zoo.training.callbacks.learning_curve import plot_learning_curve
from zoo.training.callbacks.profile import Profile
from zoo.training.callbacks.progress import Progress
from zoo.training.callbacks.tensorboard import TensorBoard
from zoo.training.callbacks.text_samples import TextSamples
from zoo.training.callbacks.training_callback import TrainingCallback
from zoo.training.callbacks.validation import Validation
from zoo.training.distributed.devices import STRATEGIES, Devices, open_devices
from zoo.training.distributed.jax_processes import part_processes
from zoo.training.distributed.layouts import TensorParallel, check_heads, shape_on_one_device
from zoo.training.distributed.replicas import Replicas, replicas_of, scope_of
from zoo.training.loop import TrainingResult, train
from zoo.training.losses.batch_loss import BatchLoss
from zoo.training.losses.cosent import CoSENT
from zoo.training.losses.cosine_regression import CosineRegression
from zoo.training.losses.direct_preference import (
    DirectPreferenceLoss,
    PreferenceNegativeLogLikelihood,
    RewardAccuracy,
    RewardMargin,
)
from zoo.training.losses.in_batch_negatives import InBatchNegatives
from zoo.training.losses.matryoshka import Matryoshka
from zoo.training.losses.triplet_loss import TripletLoss
from zoo.training.losses.vector_distillation import VectorDistillation
from zoo.training.optimizers.adam import Adam, AdamW
from zoo.training.optimizers.build_optimizer import build_optimizer
from zoo.training.optimizers.fine_tuning import freeze, layer_rate_factors
from zoo.training.optimizers.loss_scaling import LossScaleOptimizer
from zoo.training.optimizers.muon import Muon, matrices_of_blocks
from zoo.training.optimizers.schedules import (
    ConstantAfterWarmUp,
    CosineDecay,
    InverseSquareRoot,
    LinearDecay,
    WarmupStableDecay,
)
from zoo.training.runs.averaging import average_checkpoints, select_checkpoints
from zoo.training.runs.resume import Resume
from zoo.training.runs.run_claim import RunClaim
from zoo.training.runs.share_of_run import ShareOfRun
from zoo.training.speed.accelerator_peaks import peak_flops
from zoo.training.speed.model_flops import ModelFlops
from zoo.training.updates.token_loss import TokenCrossEntropy, token_cross_entropy
from zoo.training.updates.token_metrics import TokenAccuracy, TokenNegativeLogLikelihood

__all__ = [
    "STRATEGIES",
    "Adam",
    "AdamW",
    "BatchLoss",
    "CoSENT",
    "ConstantAfterWarmUp",
    "CosineDecay",
    "CosineRegression",
    "Devices",
    "DirectPreferenceLoss",
    "EarlyStopping",
    "History",
    "InBatchNegatives",
    "InverseSquareRoot",
    "LinearDecay",
    "LossScaleOptimizer",
    "Matryoshka",
    "ModelFlops",
    "Muon",
    "PreferenceNegativeLogLikelihood",
    "Profile",
    "Progress",
    "Replicas",
    "Resume",
    "RewardAccuracy",
    "RewardMargin",
    "RunClaim",
    "ShareOfRun",
    "TensorBoard",
    "TensorParallel",
    "TextSamples",
    "TokenAccuracy",
    "TokenCrossEntropy",
    "TokenNegativeLogLikelihood",
    "TrainingCallback",
    "TrainingResult",
    "TripletLoss",
    "Validation",
    "VectorDistillation",
    "WarmupStableDecay",
    "average_checkpoints",
    "build_optimizer",
    "check_heads",
    "freeze",
    "layer_rate_factors",
    "matrices_of_blocks",
    "open_devices",
    "part_processes",
    "peak_flops",
    "plot_learning_curve",
    "read_history",
    "replicas_of",
    "scope_of",
    "select_checkpoints",
    "shape_on_one_device",
    "token_cross_entropy",
    "train",
]
