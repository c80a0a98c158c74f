"""What a methods paragraph cites: the data, the challenge, the methods, and the models a recipe may name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace


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
    "banded": Reference(
        "Dupré la Tour et al., 2022",
        "Dupré la Tour, T., Eickenberg, M., Nunez-Elizalde, A. O., & Gallant, J. L. (2022). Feature-space selection "
        "with banded ridge regression. NeuroImage, 264, 119728.",
        "https://doi.org/10.1016/j.neuroimage.2022.119728",
    ),
    "selection": Reference(
        "Matsuyama et al., 2023",
        "Matsuyama, T., Sasaki, K. S., & Nishimoto, S. (2023). Applicability of scaling laws to vision encoding "
        "models. arXiv:2308.00678.",
        "https://arxiv.org/abs/2308.00678",
    ),
    "projection": Reference(
        "Li et al., 2006",
        "Li, P., Hastie, T. J., & Church, K. W. (2006). Very sparse random projections. Proceedings of the 12th ACM "
        "SIGKDD International Conference on Knowledge Discovery and Data Mining, 287–296.",
        "https://doi.org/10.1145/1150402.1150436",
    ),
    "stacking": Reference(
        "Breiman, 1996",
        "Breiman, L. (1996). Stacked regressions. Machine Learning, 24(1), 49–64.",
        "https://doi.org/10.1007/BF00117832",
    ),
    "greedy": Reference(
        "Caruana et al., 2004",
        "Caruana, R., Niculescu-Mizil, A., Crew, G., & Ksikes, A. (2004). Ensemble selection from libraries of models. "
        "Proceedings of the 21st International Conference on Machine Learning, 18.",
        "https://doi.org/10.1145/1015330.1015432",
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
    "vgg": Reference(
        "Simonyan & Zisserman, 2015",
        "Simonyan, K., & Zisserman, A. (2015). Very deep convolutional networks for large-scale image recognition. "
        "ICLR.",
        "https://arxiv.org/abs/1409.1556",
    ),
    "sam": Reference(
        "Kirillov et al., 2023",
        "Kirillov, A., Mintun, E., Ravi, N., et al. (2023). Segment anything. ICCV, 4015–4026.",
        "https://arxiv.org/abs/2304.02643",
    ),
    "registers": Reference(
        "Darcet et al., 2024",
        "Darcet, T., Oquab, M., Mairal, J., & Bojanowski, P. (2024). Vision transformers need registers. ICLR.",
        "https://arxiv.org/abs/2309.16588",
    ),
    "cornet": Reference(
        "Kubilius et al., 2019",
        "Kubilius, J., Schrimpf, M., Kar, K., Rajalingham, R., Hong, H., Majaj, N. J., Issa, E. B., Bashivan, P., "
        "Prescott-Roy, J., Schmidt, K., Nayebi, A., Bear, D., Yamins, D. L. K., & DiCarlo, J. J. (2019). Brain-like "
        "object recognition with high-performing shallow recurrent ANNs. NeurIPS.",
        "https://arxiv.org/abs/1909.06161",
    ),
    "one_peace": Reference(
        "Wang et al., 2023",
        "Wang, P., Wang, S., Lin, J., Bai, S., Zhou, X., Zhou, J., Wang, X., & Zhou, C. (2023). ONE-PEACE: Exploring "
        "one general representation model toward unlimited modalities. arXiv:2305.11172.",
        "https://arxiv.org/abs/2305.11172",
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
    "convnextv2": Reference(
        "Woo et al., 2023",
        "Woo, S., Debnath, S., Hu, R., Chen, X., Liu, Z., Kweon, I. S., & Xie, S. (2023). ConvNeXt V2: Co-designing "
        "and scaling ConvNets with masked autoencoders. CVPR.",
        "https://arxiv.org/abs/2301.00808",
    ),
    "resnext": Reference(
        "Xie et al., 2017",
        "Xie, S., Girshick, R., Dollár, P., Tu, Z., & He, K. (2017). Aggregated residual transformations for deep "
        "neural networks. CVPR.",
        "https://arxiv.org/abs/1611.05431",
    ),
    "deit": Reference(
        "Touvron et al., 2021",
        "Touvron, H., Cord, M., Douze, M., Massa, F., Sablayrolles, A., & Jégou, H. (2021). Training data-efficient "
        "image transformers & distillation through attention. ICML.",
        "https://arxiv.org/abs/2012.12877",
    ),
    "deit3": Reference(
        "Touvron et al., 2022",
        "Touvron, H., Cord, M., & Jégou, H. (2022). DeiT III: Revenge of the ViT. arXiv:2204.07118.",
        "https://arxiv.org/abs/2204.07118",
    ),
    "beit": Reference(
        "Bao et al., 2022",
        "Bao, H., Dong, L., Piao, S., & Wei, F. (2022). BEiT: BERT pre-training of image transformers. ICLR.",
        "https://arxiv.org/abs/2106.08254",
    ),
    "beitv2": Reference(
        "Peng et al., 2022",
        "Peng, Z., Dong, L., Bao, H., Ye, Q., & Wei, F. (2022). BEiT v2: Masked image modeling with vector-quantized "
        "visual tokenizers. arXiv:2208.06366.",
        "https://arxiv.org/abs/2208.06366",
    ),
    "mae": Reference(
        "He et al., 2022",
        "He, K., Chen, X., Xie, S., Li, Y., Dollár, P., & Girshick, R. (2022). Masked autoencoders are scalable vision "
        "learners. CVPR.",
        "https://arxiv.org/abs/2111.06377",
    ),
    "dino": Reference(
        "Caron et al., 2021",
        "Caron, M., Touvron, H., Misra, I., Jégou, H., Mairal, J., Bojanowski, P., & Joulin, A. (2021). Emerging "
        "properties in self-supervised vision transformers. ICCV.",
        "https://arxiv.org/abs/2104.14294",
    ),
    "siglip": Reference(
        "Zhai et al., 2023",
        "Zhai, X., Mustafa, B., Kolesnikov, A., & Beyer, L. (2023). Sigmoid loss for language image pre-training. "
        "ICCV.",
        "https://arxiv.org/abs/2303.15343",
    ),
    "siglip2": Reference(
        "Tschannen et al., 2025",
        "Tschannen, M., Gritsenko, A., Wang, X., et al. (2025). SigLIP 2: Multilingual vision-language encoders with "
        "improved semantic understanding, localization, and dense features. arXiv:2502.14786.",
        "https://arxiv.org/abs/2502.14786",
    ),
    "laion": Reference(
        "Schuhmann et al., 2022",
        "Schuhmann, C., Beaumont, R., Vencu, R., et al. (2022). LAION-5B: An open large-scale dataset for training "
        "next generation image-text models. NeurIPS.",
        "https://arxiv.org/abs/2210.08402",
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
        "Fang et al., 2023",
        "Fang, Y., Wang, W., Xie, B., et al. (2023). EVA: Exploring the limits of masked visual representation "
        "learning at scale. CVPR.",
        "https://arxiv.org/abs/2211.07636",
    ),
    "eva02": Reference(
        "Fang et al., 2023",
        "Fang, Y., Sun, Q., Wang, X., Huang, T., Wang, X., & Cao, Y. (2023). EVA-02: A visual representation for "
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

# The first pattern found in a model's name says what its architecture is ...
_ARCHITECTURES = (
    (r"^eva02|^EVA02", ("eva02",)),
    (r"^eva|^EVA01", ("eva",)),
    (r"convnextv2", ("convnextv2",)),
    (r"convnext", ("convnext",)),
    (r"alexnet", ("alexnet",)),
    (r"squeezenet", ("squeezenet",)),
    (r"^vgg", ("vgg",)),
    (r"^samvit", ("vit", "sam")),
    (r"^CORnet-S", ("cornet",)),
    (r"^ONE-PEACE", ("one_peace",)),
    (r"mobilenetv2|mobilenet_v2", ("mobilenetv2",)),
    (r"^resnext", ("resnext",)),
    (r"^(wide_)?resnet|^RN\d", ("resnet",)),
    (r"^(vit|flexivit|deit|deit3|beit|beitv2)_|^ViT", ("vit",)),
)
# ... and the first found in its name and the tag of its weights, how it was trained.
_TRAININGS = (
    (r"^eva.*clip|^EVA0", ("evaclip",)),
    (r"siglip2|siglip-2", ("siglip2",)),
    (r"(?i)siglip", ("siglip",)),
    (r"laion", ("clip", "laion", "open_clip")),
    (r"clip|openai", ("clip",)),
    (r"_reg\d_dinov2", ("dinov2", "registers")),
    (r"dinov2", ("dinov2",)),
    (r"[._]dino\b", ("dino",)),
    (r"[._]mae\b", ("mae",)),
    (r"^deit3_", ("deit3",)),
    (r"^deit_", ("deit",)),
    (r"^beitv2_", ("beitv2",)),
    (r"^beit_", ("beit",)),
)
_KINDS = {
    "gabor": ("energy", "kay"),
    "timm": ("timm",),
    "open_clip": ("clip", "open_clip"),
    "torchvision": ("torchvision",),
}


def backbone_references(kind: str, name: str, tag: str = "", *, is_trained: bool = True) -> tuple[str, ...]:
    """Keys of `REFERENCES` for a backbone: its architecture, how it was trained, and the library it comes from.

    Parameters
    ----------
    tag : of its weights, as the recipe names them.
    """
    is_network = kind in ("timm", "open_clip", "torchvision", "cornet", "one_peace")
    found = model_references(name, tag, is_trained=is_trained) if is_network else ()
    library = _KINDS.get(kind, ())
    if kind == "open_clip" and "siglip" in "".join(found):
        library = ("open_clip",)
    return tuple(dict.fromkeys((*found, *library)))


def model_references(name: str, tag: str = "", *, is_trained: bool = True) -> tuple[str, ...]:
    """Keys for a model alone, without its library; none where nothing is known of it."""
    architecture = next((keys for pattern, keys in _ARCHITECTURES if re.search(pattern, name)), ())
    training = next((keys for pattern, keys in _TRAININGS if re.search(pattern, f"{name}.{tag}")), ())
    return (*architecture, *(training if is_trained else ()))


def lettered(cited: Mapping[str, Reference]) -> dict[str, Reference]:
    """References by author, those of the same authors and year with letters, in the order of the list."""
    ordered = dict(sorted(cited.items(), key=lambda item: item[1].full))
    groups: dict[str, list[str]] = {}
    for key, one in ordered.items():
        groups.setdefault(one.short, []).append(key)
    for keys in [keys for keys in groups.values() if len(keys) > 1]:
        for key, letter in zip(keys, "abcdefgh", strict=False):
            one = ordered[key]
            year = one.short[-4:]
            ordered[key] = replace(
                one, short=one.short + letter, full=one.full.replace(f"({year})", f"({year}{letter})")
            )
    return ordered
