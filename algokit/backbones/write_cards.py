"""Write the shipped cards again: ``python -m algokit.backbones.write_cards``.

Run it after an upgrade of timm, open_clip or torchvision, and read the diff: it is what changed for recipes.
"""

from __future__ import annotations

import json

from algokit.backbones import (
    CARDS,
    CATALOGUE,
    BackboneCard,
    CornetSpec,
    OnePeaceSpec,
    OpenClipSpec,
    TimmSpec,
    TorchvisionSpec,
)
from algokit.backbones.weights import NetworkSpec

DINOV2_SIZES = ("small", "base", "large", "giant")
NAMES = {
    "torchvision": ("alexnet", "squeezenet1_0", "resnet50", "vgg16", "vgg19"),
    "timm": (
        "mobilenetv2_100",
        "resnet18",
        "resnet50",
        "vit_base_patch16_224",
        "vit_large_patch16_224",
        *(f"vit_{size}_patch14_{kind}" for kind in ("dinov2", "reg4_dinov2") for size in DINOV2_SIZES),
        *(f"samvit_{size}_patch16" for size in ("base", "large", "huge")),
        "vit_base_patch16_siglip_224",
        "vit_so400m_patch14_siglip_384",
    ),
    "open_clip": (
        "RN50",
        "ViT-B-32",
        "ViT-B-16",
        "ViT-L-14",
        "ViT-L-14-336",
        "ViT-H-14",
        "ViT-g-14",
        "ViT-bigG-14",
        "EVA01-g-14",
        "EVA02-B-16",
        "EVA02-L-14",
        "EVA02-E-14",
        "EVA02-E-14-plus",
        "convnext_xxlarge",
        "ViT-B-16-SigLIP",
        "ViT-SO400M-14-SigLIP-384",
    ),
    "cornet": ("CORnet-S",),
    "one_peace": ("ONE-PEACE",),
}
SPECS: dict[str, type[NetworkSpec]] = {
    "timm": TimmSpec,
    "open_clip": OpenClipSpec,
    "torchvision": TorchvisionSpec,
    "cornet": CornetSpec,
    "one_peace": OnePeaceSpec,
}


def specs() -> list[NetworkSpec]:
    """One spec per shipped card."""
    return [SPECS[kind].model_validate({"kind": kind, "name": name}) for kind, names in NAMES.items() for name in names]


def card_text(card: BackboneCard) -> str:
    """The card as JSON with one layer per line."""
    document = card.model_dump(mode="json")
    layers = ",\n".join(
        "  " + json.dumps({key: value for key, value in layer.items() if value}) for layer in document.pop("layers")
    )
    return json.dumps(document, indent=1).removesuffix("\n}") + f',\n "layers": [\n{layers}\n ]\n}}\n'


def main() -> None:
    """Write every card of `NAMES`."""
    CARDS.mkdir(exist_ok=True)
    for spec in specs():
        card = CATALOGUE.load(spec.kind).built_card(spec)
        (CARDS / f"{spec.kind}--{spec.name}.json").write_text(card_text(card), encoding="utf-8")


if __name__ == "__main__":
    main()
