"""The training step under PyTorch."""

from zoo.training.distributed.gathered_rows import gather_rows
from zoo.training.distributed.replica_seeds import seed_states
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
        total = self._through_outputs(data) if self._of_whole_batch else self._summed(data)
        with torch.no_grad():
            self.optimizer.apply([variable.value.grad for variable in variables], variables)
            (total,) = sum_over_replicas([total])
        return {"loss": total}

    def _summed(self, batch):
        """Adds the gradients of the parts; returns the loss of all."""
        total = 0.0
        for part in self.parts(batch):
            loss, scaled = self.scaled_loss_of(part, self(part[0], training=True))
            scaled.backward()
            total = total + loss.detach()
        return total

    def _through_outputs(self, batch):
        """Adds the gradients of a `BatchLoss`; returns it, divided by the number of processes."""
        import torch

        parts = list(self.parts(batch))
        states = None if len(parts) == 1 else self._random_states()
        with torch.set_grad_enabled(states is None):
            outputs = [self(x, training=True) for x, _, _ in parts]
        labels, weights = (torch.cat([part[place] for part in parts]) for place in (1, 2))
        gathered = gather_rows([labels, torch.cat(outputs).detach(), weights])
        gathered.tensors[1].requires_grad_()
        loss, scaled = self.loss_of_outputs(*gathered.tensors)
        (gradient,) = torch.autograd.grad(scaled, gathered.tensors[1])
        gradients = torch.split(gathered.own(gradient), [len(each) for each in outputs])
        if states is None:
            outputs[0].backward(gradients[0].to(outputs[0].dtype))
        else:
            # Once more the same dropout.
            self._set_random_states(states)
            for (x, _, _), each in zip(parts, gradients, strict=True):
                _, product = self.product_of((x, each, None), self(x, training=True))
                product.backward()
        return loss.detach() / gathered.count

    def _random_states(self):
        """Of PyTorch's own generators and of those of layers; see `zoo.training.updates.random_states`."""
        import torch

        of_layers = [state.value.detach().clone() for state in seed_states(self.model)]
        return torch.get_rng_state(), torch.cuda.get_rng_state_all(), of_layers

    def _set_random_states(self, states):
        import torch

        own, of_devices, of_layers = states
        torch.set_rng_state(own)
        torch.cuda.set_rng_state_all(of_devices)
        for state, value in zip(seed_states(self.model), of_layers, strict=True):
            state.assign(value)
