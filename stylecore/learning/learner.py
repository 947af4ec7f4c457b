"""A network with its averaged weights, optimizer and learning rate schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from stylecore.host.devices import autocast_dtype
from stylecore.learning.config import SharedConfig
from stylecore.learning.encoder import AnyStyleNetwork
from stylecore.learning.networks import StyledNetwork


class Learner:
    """The part of a run that a checkpoint restores.

    Args:
        network: Moved to the device; if the trunk is frozen, only the rows are trained.
        config: Settings.
        device: Where the network is trained.
        groups: Parameters with settings of their own, as optimizers of torch take them.
        average: Averages the weights, see `AveragedModel`; by default with `ema_decay` from the first step.
    """

    def __init__(
        self,
        network: StyledNetwork | AnyStyleNetwork,
        config: SharedConfig,
        device: torch.device,
        *,
        groups: Sequence[Mapping] | None = None,
        average: Callable | None = None,
    ) -> None:
        if config.is_trunk_frozen:
            network.network.requires_grad_(False)
        self.config = config
        self.network = network.to(device)
        average = average or get_ema_multi_avg_fn(config.ema_decay)
        self.averaged = AveragedModel(self.network, multi_avg_fn=average)
        self.optimizer = torch.optim.AdamW(  # Adam, where no group has a weight decay
            groups or network.parameters(), lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=0.0
        )
        self.elapsed_s = 0.0  # of training, for a schedule by time
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: learning_rate_at(step, config, self.elapsed_s)
        )
        is_scaled = autocast_dtype(device, config.precision) == torch.float16
        self.scaler = torch.amp.GradScaler(device.type, enabled=is_scaled)
        self.step = 0

    def learn(self, loss: Tensor, *, elapsed_s: float = 0.0) -> None:
        """Make one optimizer step, after this many seconds of training."""
        self.elapsed_s = elapsed_s
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.network.parameters(), self.config.gradient_clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.schedule.step()
        self.averaged.update_parameters(self.network)
        self.step += 1

    def state(self) -> dict:
        """Contents for a checkpoint, see `load`."""
        return {
            "network": self.network.state_dict(),
            "averaged": self.averaged.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
            "step": self.step,
        }

    def load(self, state: dict) -> None:
        """Restore the `state` of an earlier session."""
        self.network.load_state_dict(state["network"])
        self.averaged.module.load_state_dict(state["averaged"])
        self.averaged.n_averaged.fill_(state["step"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        if state["scaler"]:  # empty if the run started on a device without float16
            self.scaler.load_state_dict(state["scaler"])
        self.step = state["step"]


def learning_rate_at(step: int, config: SharedConfig, elapsed_s: float = 0.0) -> float:
    """Learning rate as a fraction of its peak: 20 steps of warm-up, in short runs a sixth of their steps,
    then a cosine decay to 3 %.

    Args:
        step: Optimizer step, from 0.
        config: Settings; the decay ends with its `hours`, if there are any, or else with its `steps`.
        elapsed_s: Seconds of training.
    """
    warm_up = 20 if config.hours else max(1, min(20, config.steps // 6))
    if step < warm_up:
        return (step + 1) / warm_up
    if config.hours:
        progress = elapsed_s / (3600 * config.hours)
    else:
        progress = (step - warm_up) / max(1, config.steps - warm_up)
    return 0.03 + 0.97 * 0.5 * (1 + float(np.cos(np.pi * min(1.0, progress))))


def warming_average(decay: float) -> Callable:
    """Moving average for `Learner` that forgets the first weights sooner than one of constant decay."""

    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], count: Tensor) -> None:
        steps = int(count)
        torch._foreach_lerp_(averaged, current, 1 - min(decay, (steps + 10) / (steps + 100)))

    return update
