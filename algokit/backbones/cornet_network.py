"""CORnet-S: four areas named after those of the ventral stream, three of them recurrent, and a linear decoder.

Source: Kubilius, Schrimpf et al. 2019, "Brain-like object recognition with high-performing shallow recurrent ANNs",
arXiv 1909.06161. Names of the weights are those of the published checkpoint.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import cast

from torch import Tensor, nn
from torch.nn import functional

WIDENING = 4
"""Channels inside an area over channels of its output."""
N_STEPS = {"V2": 2, "V4": 4, "IT": 2}
"""Area -> time steps; each has twice the channels of the one before."""
N_CLASSES = 1000


class RecurrentArea(nn.Module):
    """A bottleneck that is applied to its own output: the same convolutions, other norms at every time step.

    The first step halves the side of the map, in the bottleneck and beside it; later steps keep it.
    """

    def __init__(self, n_in: int, n_out: int, n_steps: int) -> None:
        super().__init__()
        n_inside = WIDENING * n_out
        self.n_steps = n_steps
        self.conv_input = nn.Conv2d(n_in, n_out, 1, bias=False)
        self.skip = nn.Conv2d(n_out, n_out, 1, stride=2, bias=False)
        self.norm_skip = nn.BatchNorm2d(n_out)
        self.conv1 = nn.Conv2d(n_out, n_inside, 1, bias=False)
        self.conv2 = nn.Conv2d(n_inside, n_inside, 3, padding=1, bias=False)
        self.conv3 = nn.Conv2d(n_inside, n_out, 1, bias=False)
        for step in range(n_steps):
            for position, channels in enumerate((n_inside, n_inside, n_out), start=1):
                self.add_module(f"norm{position}_{step}", nn.BatchNorm2d(channels))

    def steps(self, below: Tensor) -> Iterator[Tensor]:
        """The output at every time step.

        Parameters
        ----------
        below : (n, n_in, height, width), the output of the area before.

        Returns
        -------
        (n, n_out, height / 2, width / 2), ``n_steps`` times.
        """
        state = self.conv_input(below)
        for step in range(self.n_steps):
            is_first = step == 0
            beside = self.norm_skip(self.skip(state)) if is_first else state
            inside = self._norm(1, step, self.conv1(state)).relu()
            inside = functional.conv2d(inside, self.conv2.weight, stride=2 if is_first else 1, padding=1)
            inside = self._norm(2, step, inside).relu()
            state = (self._norm(3, step, self.conv3(inside)) + beside).relu()
            yield state

    def _norm(self, position: int, step: int, values: Tensor) -> Tensor:
        return cast(Tensor, self.get_submodule(f"norm{position}_{step}")(values))


class CornetS(nn.Module):
    """The network; its layers are V1, every time step of the three areas, and both stages of the decoder.

    Parameters
    ----------
    width : channels of V1; 64 is the published network.

    Raises
    ------
    ValueError : width is not positive.
    """

    n_prefix = None
    layer_names = (
        "V1",
        *(f"{area}.t{step}" for area, n_steps in N_STEPS.items() for step in range(n_steps)),
        "decoder.avgpool",
        "decoder.linear",
    )

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        if width < 1:
            raise ValueError(f"width is positive, not {width}")
        self.V1 = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False),
                norm1=nn.BatchNorm2d(width),
                relu1=nn.ReLU(),
                pool=nn.MaxPool2d(3, stride=2, padding=1),
                conv2=nn.Conv2d(width, width, 3, padding=1, bias=False),
                norm2=nn.BatchNorm2d(width),
                relu2=nn.ReLU(),
            )
        )
        for area, n_steps in N_STEPS.items():
            self.add_module(area, RecurrentArea(width, 2 * width, n_steps))
            width *= 2
        self.decoder = nn.ModuleDict({"linear": nn.Linear(width, N_CLASSES)})
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def layers(self, images: Tensor) -> Iterator[tuple[str, Tensor]]:
        """(name, activation) in the order of ``layer_names``.

        Parameters
        ----------
        images : (n, 3, height, width) float32, preprocessed.
        """
        values = self.V1(images)
        yield "V1", values
        for area in N_STEPS:
            for step, state in enumerate(cast(RecurrentArea, self.get_submodule(area)).steps(values)):
                yield f"{area}.t{step}", state
            values = state
        pooled = values.mean((2, 3))
        yield "decoder.avgpool", pooled
        yield "decoder.linear", self.decoder["linear"](pooled)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, height, width) -> (n, 1000), the logits of ImageNet's classes."""
        *_, (_, logits) = self.layers(images)
        return logits
