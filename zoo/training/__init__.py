"""Training around Keras's `fit`: loss, optimisers, schedules, resume, averaging, validation and reports."""

from zoo.training.accelerator_peaks import peak_flops
from zoo.training.averaging import average_checkpoints, select_checkpoints
from zoo.training.devices import STRATEGIES, Devices, open_devices
from zoo.training.early_stopping import EarlyStopping
from zoo.training.fine_tuning import freeze, layer_rate_factors
from zoo.training.history import History, read_history
from zoo.training.jax_processes import part_processes
from zoo.training.layouts import TensorParallel, check_heads, shape_on_one_device
from zoo.training.learning_curve import plot_learning_curve
from zoo.training.loop import TrainingResult, train
from zoo.training.loss_scaling import LossScaleOptimizer
from zoo.training.model_flops import ModelFlops
from zoo.training.optimizers import Adam, AdamW, build_optimizer
from zoo.training.profile import Profile
from zoo.training.progress import Progress
from zoo.training.replicas import Replicas, replicas_of, scope_of
from zoo.training.resume import Resume
from zoo.training.run_claim import RunClaim
from zoo.training.schedules import ConstantAfterWarmUp, CosineDecay, InverseSquareRoot, LinearDecay
from zoo.training.share_of_run import ShareOfRun
from zoo.training.tensorboard import TensorBoard
from zoo.training.text_samples import TextSamples
from zoo.training.token_loss import TokenCrossEntropy, token_cross_entropy
from zoo.training.token_metrics import TokenAccuracy, TokenNegativeLogLikelihood
from zoo.training.training_callback import TrainingCallback
from zoo.training.validation import Validation

__all__ = [
    "STRATEGIES",
    "Adam",
    "AdamW",
    "ConstantAfterWarmUp",
    "CosineDecay",
    "Devices",
    "EarlyStopping",
    "History",
    "InverseSquareRoot",
    "LinearDecay",
    "LossScaleOptimizer",
    "ModelFlops",
    "Profile",
    "Progress",
    "Replicas",
    "Resume",
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
    "Validation",
    "average_checkpoints",
    "build_optimizer",
    "check_heads",
    "freeze",
    "layer_rate_factors",
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
