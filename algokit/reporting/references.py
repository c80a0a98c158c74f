"""What a methods paragraph cites: the data, the challenge, the methods, and the models a recipe may name."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """One entry of a list of references.

    Attributes
    ----------
    short : as it stands in the text, "Allen et al., 2022".
    """

    short: str
    full: str
    url: str


REFERENCES = {
    "nsd": Reference(
        "Allen et al., 2022",
        "Allen, E. J., St-Yves, G., Wu, Y., et al. (2022). A massive 7T fMRI dataset to bridge cognitive neuroscience "
        "and artificial intelligence. Nature Neuroscience, 25, 116–126.",
        "https://doi.org/10.1038/s41593-021-00962-x",
    ),
    "challenge": Reference(
        "Gifford et al., 2023",
        "Gifford, A. T., Lahner, B., Saba-Sadiya, S., Vilas, M. G., Lascelles, A., Oliva, A., Kay, K., Roig, G., & "
        "Cichy, R. M. (2023). The Algonauts Project 2023 Challenge: How the human brain makes sense of natural scenes. "
        "arXiv:2301.03198.",
        "https://arxiv.org/abs/2301.03198",
    ),
    "fsaverage": Reference(
        "Fischl et al., 1999",
        "Fischl, B., Sereno, M. I., Tootell, R. B. H., & Dale, A. M. (1999). High-resolution intersubject averaging "
        "and a coordinate system for the cortical surface. Human Brain Mapping, 8(4), 272–284.",
        "https://doi.org/10.1002/(SICI)1097-0193(1999)8:4%3C272::AID-HBM10%3E3.0.CO;2-4",
    ),
    "ridge": Reference(
        "Hoerl & Kennard, 1970",
        "Hoerl, A. E., & Kennard, R. W. (1970). Ridge regression: Biased estimation for nonorthogonal problems. "
        "Technometrics, 12(1), 55–67.",
        "https://doi.org/10.1080/00401706.1970.10488634",
    ),
    "selection": Reference(
        "Matsuyama et al., 2023",
        "Matsuyama, T., Sasaki, K. S., & Nishimoto, S. (2023). Applicability of scaling laws to vision encoding "
        "models. arXiv:2308.00678.",
        "https://arxiv.org/abs/2308.00678",
    ),
    "bootstrap": Reference(
        "Efron, 1979",
        "Efron, B. (1979). Bootstrap methods: Another look at the jackknife. The Annals of Statistics, 7(1), 1–26.",
        "https://doi.org/10.1214/aos/1176344552",
    ),
    "energy": Reference(
        "Adelson & Bergen, 1985",
        "Adelson, E. H., & Bergen, J. R. (1985). Spatiotemporal energy models for the perception of motion. Journal of "
        "the Optical Society of America A, 2(2), 284–299.",
        "https://doi.org/10.1364/JOSAA.2.000284",
    ),
    "kay": Reference(
        "Kay et al., 2008",
        "Kay, K. N., Naselaris, T., Prenger, R. J., & Gallant, J. L. (2008). Identifying natural images from human "
        "brain activity. Nature, 452, 352–355.",
        "https://doi.org/10.1038/nature06713",
    ),
    "alexnet": Reference(
        "Krizhevsky, 2014",
        "Krizhevsky, A. (2014). One weird trick for parallelizing convolutional neural networks. arXiv:1404.5997.",
        "https://arxiv.org/abs/1404.5997",
    ),
    "resnet": Reference(
        "He et al., 2016",
        "He, K., Zhang, X., Ren, S., & Sun, J. (2016). Deep residual learning for image recognition. CVPR, 770–778.",
        "https://arxiv.org/abs/1512.03385",
    ),
    "mobilenetv2": Reference(
        "Sandler et al., 2018",
        "Sandler, M., Howard, A., Zhu, M., Zhmoginov, A., & Chen, L.-C. (2018). MobileNetV2: Inverted residuals and "
        "linear bottlenecks. CVPR, 4510–4520.",
        "https://arxiv.org/abs/1801.04381",
    ),
    "squeezenet": Reference(
        "Iandola et al., 2016",
        "Iandola, F. N., Han, S., Moskewicz, M. W., Ashraf, K., Dally, W. J., & Keutzer, K. (2016). SqueezeNet: "
        "AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size. arXiv:1602.07360.",
        "https://arxiv.org/abs/1602.07360",
    ),
    "vit": Reference(
        "Dosovitskiy et al., 2021",
        "Dosovitskiy, A., Beyer, L., Kolesnikov, A., et al. (2021). An image is worth 16x16 words: Transformers for "
        "image recognition at scale. ICLR.",
        "https://arxiv.org/abs/2010.11929",
    ),
    "convnext": Reference(
        "Liu et al., 2022",
        "Liu, Z., Mao, H., Wu, C.-Y., Feichtenhofer, C., Darrell, T., & Xie, S. (2022). A ConvNet for the 2020s. CVPR.",
        "https://arxiv.org/abs/2201.03545",
    ),
    "dinov2": Reference(
        "Oquab et al., 2023",
        "Oquab, M., Darcet, T., Moutakanni, T., et al. (2023). DINOv2: Learning robust visual features without "
        "supervision. arXiv:2304.07193.",
        "https://arxiv.org/abs/2304.07193",
    ),
    "clip": Reference(
        "Radford et al., 2021",
        "Radford, A., Kim, J. W., Hallacy, C., et al. (2021). Learning transferable visual models from natural "
        "language supervision. ICML.",
        "https://arxiv.org/abs/2103.00020",
    ),
    "eva": Reference(
        "Fang et al., 2023a",
        "Fang, Y., Wang, W., Xie, B., et al. (2023a). EVA: Exploring the limits of masked visual representation "
        "learning at scale. CVPR.",
        "https://arxiv.org/abs/2211.07636",
    ),
    "eva02": Reference(
        "Fang et al., 2023b",
        "Fang, Y., Sun, Q., Wang, X., Huang, T., Wang, X., & Cao, Y. (2023b). EVA-02: A visual representation for "
        "neon genesis. arXiv:2303.11331.",
        "https://arxiv.org/abs/2303.11331",
    ),
    "evaclip": Reference(
        "Sun et al., 2023",
        "Sun, Q., Fang, Y., Wu, L., Wang, X., & Cao, Y. (2023). EVA-CLIP: Improved training techniques for CLIP at "
        "scale. arXiv:2303.15389.",
        "https://arxiv.org/abs/2303.15389",
    ),
    "timm": Reference(
        "Wightman, 2019",
        "Wightman, R. (2019). PyTorch Image Models.",
        "https://doi.org/10.5281/zenodo.4414861",
    ),
    "open_clip": Reference(
        "Ilharco et al., 2021",
        "Ilharco, G., Wortsman, M., Wightman, R., et al. (2021). OpenCLIP.",
        "https://doi.org/10.5281/zenodo.5143773",
    ),
    "torchvision": Reference(
        "TorchVision, 2016",
        "TorchVision maintainers and contributors (2016). TorchVision: PyTorch's computer vision library.",
        "https://github.com/pytorch/vision",
    ),
}

# The first pattern found in a backbone's name says what its architecture is.
_ARCHITECTURES = (
    (r"^eva02.*clip|^EVA02", ("eva02", "evaclip")),
    (r"^eva.*clip|^EVA01", ("eva", "evaclip")),
    (r"^eva02", ("eva02",)),
    (r"^eva", ("eva",)),
    (r"dinov2", ("dinov2",)),
    (r"convnext", ("convnext",)),
    (r"alexnet", ("alexnet",)),
    (r"squeezenet", ("squeezenet",)),
    (r"mobilenetv2", ("mobilenetv2",)),
    (r"^(wide_)?resnet", ("resnet",)),
    (r"^vit|^ViT", ("vit",)),
)
_KINDS = {
    "gabor": ("energy", "kay"),
    "timm": ("timm",),
    "open_clip": ("clip", "open_clip"),
    "torchvision": ("torchvision",),
}


def backbone_references(kind: str, name: str) -> tuple[str, ...]:
    """Keys of `REFERENCES` for a backbone: what is known of its architecture, then the library it comes from."""
    found = next((keys for pattern, keys in _ARCHITECTURES if re.search(pattern, name)), ())
    return (*(found if kind in ("timm", "open_clip", "torchvision") else ()), *_KINDS.get(kind, ()))
