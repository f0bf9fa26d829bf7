"""The training step under PyTorch."""

from zoo.training.distributed.replicas import sum_over_replicas
from zoo.training.updates.update_model import UpdateModel


class Updates(UpdateModel):
    """`UpdateModel` under PyTorch; the processes that `torchrun` started add their gradients."""

    def train_step(self, data):
        """One update; returns the loss of the whole batch, over all processes."""
        import torch

        variables = self.trainable_variables
        for variable in variables:
            variable.value.grad = None
        total = 0.0
        for part in self.parts(data):
            loss = self.loss_of(part, self(part[0], training=True))
            self.optimizer.scale_loss(loss).backward()
            total = total + loss.detach()
        with torch.no_grad():
            self.optimizer.apply([variable.value.grad for variable in variables], variables)
            (total,) = sum_over_replicas([total])
        return {"loss": total}
