"""What a recipe can name: members of the families, models whose layers are known, layers, shipped recipes."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, get_args, get_origin

from algokit.errors import UsageError
from algokit.registry import did_you_mean
from algokit.types import Finding

if TYPE_CHECKING:
    from algokit.backbones import BackboneCard, LayerInfo

Listing: TypeAlias = dict[str, list[tuple[str, str]]]

_SPECS = {
    "backbones": "BackboneSpec",
    "poolings": "PoolingSpec",
    "reductions": "ReductionSpec",
    "readouts": "ReadoutSpec",
}
_FAMILIES = (*_SPECS, "metrics", "executors")


def list_members(what: str | None = None) -> Listing:
    """Title -> (name, a line about it).

    Parameters
    ----------
    what : a family, "models", "recipes", or the name of a model, whose layers are then listed; everything where None.

    Raises
    ------
    UsageError : nothing has that name.
    """
    from algokit.backbones import shipped_cards

    cards = shipped_cards()
    if what is not None and what in {card.name for card in cards}:
        named = [card for card in cards if card.name == what]
        return {f"{card.kind} {card.name}": [("licence", card.licence), *map(_layer, card.layers)] for card in named}
    listing = {name: _members(name) for name in _FAMILIES}
    listing["models"] = [_model(card) for card in cards]
    listing["recipes"] = _recipes()
    if what is None:
        return listing
    if what not in listing:
        near = did_you_mean(what, [*listing, *(card.name for card in cards)])
        advice = near or f"known: {', '.join(listing)}, and every model that algokit list models names"
        finding = Finding("no family or model of that name", found=repr(what), advice=advice, code="unknown-family")
        raise UsageError(f"nothing to list under {what!r}", [finding])
    return {what: listing[what]}


def _members(family: str) -> list[tuple[str, str]]:
    contract = importlib.import_module(f"algokit.{family}")
    about = dict(contract.CATALOGUE.rows())
    if family in _SPECS:
        about |= {_kind(spec): _first_line(spec.__doc__) for spec in _union(getattr(contract, _SPECS[family]))}
    elif family == "metrics":
        about = {
            kind: f"version {one.version}; {one.source}" for kind in about for one in [contract.CATALOGUE.load(kind)]
        }
    else:
        about = {kind: _first_line(contract.CATALOGUE.load(kind).__doc__) for kind in about}
    return sorted(about.items())


def _union(annotation: Any) -> tuple[Any, ...]:
    """The classes of ``Annotated[A | B, ...]``."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return get_args(annotation) or (annotation,)


def _kind(spec: Any) -> str:
    return str(get_args(spec.model_fields["kind"].annotation)[0])


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0].rstrip(".")


def _model(card: BackboneCard) -> tuple[str, str]:
    return f"{card.kind} {card.name}", f"{card.n_parameters / 1e6:.1f} M parameters, {len(card.layers)} layers"


def _layer(layer: LayerInfo) -> tuple[str, str]:
    if layer.layout == "map":
        return layer.name, f"map, {layer.channels} channels of {layer.height} x {layer.width}"
    if layer.layout == "tokens":
        grid = f" on {layer.height} x {layer.width}" if layer.height else ""
        prefix = f", {layer.n_prefix} before them" if layer.n_prefix else ""
        return layer.name, f"tokens, {layer.n_tokens - layer.n_prefix}{grid}{prefix}, {layer.channels} channels"
    return layer.name, f"vector of {layer.channels}"


def _recipes() -> list[tuple[str, str]]:
    """Name and the opening line of each shipped recipe's header."""
    from algokit.recipe.load import shipped_recipes

    return [
        (name, path.read_text(encoding="utf-8").splitlines()[0].lstrip("# "))
        for name, path in shipped_recipes().items()
    ]
