"""A tree of state as JSON plus named tensors, and back: what a checkpoint's two files hold.

JSON keeps what JSON can keep exactly. Everything else becomes an object with one key that starts with ``$``:

==================  ===============================================================================
``{"$tensor": N}``  the torch tensor N of the safetensors file (``$array``, ``$scalar``: NumPy's)
``{"$int": "0x…"}`` an integer of more than 64 bits
``{"$float": "…"}`` ``nan``, ``inf`` or ``-inf``
``{"$tuple": […]}`` a tuple
``{"$dict": {…}}``  a dictionary of the user's with a key that starts with ``$``
==================  ===============================================================================

A name N is the value's place in the tree as a JSON Pointer (RFC 6901). Types that safetensors does not
know (complex128, big-endian arrays, NumPy strings) are stored as their bytes, with ``dtype`` and ``shape``
beside N.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

_STORABLE = frozenset({
    torch.bool, torch.uint8, torch.uint16, torch.uint32, torch.uint64, torch.int8, torch.int16, torch.int32,
    torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64,
    torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2, torch.float8_e5m2fnuz,
})  # fmt: skip
_JSON_INTS = range(-(2**63), 2**64)
Tensors = dict[str, torch.Tensor]


def encode(state: Mapping[str, Any]) -> tuple[Any, Tensors]:
    """Split ``state`` into a JSON tree and its tensors, all on the CPU, contiguous and sharing no memory.

    Raises TypeError, naming the place, for a value of another type and for keys that are not strings.
    """
    tensors: Tensors = {}
    tree = _encode(state, "", tensors)
    return tree, _without_sharing(tensors)


def decode(tree: Any, tensors: Tensors) -> Any:
    """Rebuild the state; raises KeyError, TypeError or ValueError for what ``encode`` cannot have written."""
    if isinstance(tree, list):
        return [decode(item, tensors) for item in tree]
    if not isinstance(tree, dict):
        return tree
    mark = next(iter(tree), "")
    if mark.startswith("$"):
        return _DECODERS[mark](tree, tensors)
    return {key: decode(value, tensors) for key, value in tree.items()}


def _encode(value: Any, place: str, tensors: Tensors) -> Any:
    if value is None or type(value) in (bool, str):
        return value
    if type(value) is int:
        return value if value in _JSON_INTS else {"$int": hex(value)}
    if type(value) is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, torch.Tensor):
        return _encode_tensor("$tensor", value, place, tensors)
    if isinstance(value, np.ndarray | np.generic):
        return _encode_array(value, place, tensors)
    if isinstance(value, Mapping):
        return _encode_mapping(value, place, tensors)
    if type(value) in (list, tuple):
        items = [_encode(item, f"{place}/{index}", tensors) for index, item in enumerate(value)]
        return items if type(value) is list else {"$tuple": items}
    raise TypeError(f"{place or '/'}: a checkpoint cannot hold a {type(value).__name__}")


def _encode_mapping(mapping: Mapping[Any, Any], place: str, tensors: Tensors) -> dict[str, Any]:
    tree = {}
    for key, value in mapping.items():
        if type(key) is not str:
            raise TypeError(f"{place or '/'}: keys must be strings, {key!r} is a {type(key).__name__}")
        step = key.replace("~", "~0").replace("/", "~1")
        tree[key] = _encode(value, f"{place}/{step}", tensors)
    return {"$dict": tree} if any(key.startswith("$") for key in tree) else tree


def _encode_tensor(mark: str, tensor: torch.Tensor, place: str, tensors: Tensors) -> dict[str, Any]:
    if tensor.layout != torch.strided or tensor.is_quantized:
        raise TypeError(f"{place}: a checkpoint cannot hold a sparse or quantized tensor")
    plain = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    if plain.dtype in _STORABLE:
        tensors[place] = plain
        return {mark: place}
    # Cloned because an empty or one-element slice counts as contiguous with strides that `view` refuses.
    tensors[place] = plain.clone(memory_format=torch.contiguous_format).reshape(-1).view(torch.uint8)
    return {mark: place, "dtype": str(plain.dtype).removeprefix("torch."), "shape": list(plain.shape)}


def _encode_array(value: np.ndarray | np.generic, place: str, tensors: Tensors) -> dict[str, Any]:
    # torch takes neither read-only arrays nor negative strides; such ones are copied, others are not.
    array = np.require(np.asarray(value), requirements=["C_CONTIGUOUS", "WRITEABLE"])
    mark = "$scalar" if isinstance(value, np.generic) else "$array"
    if array.dtype.hasobject or array.dtype.names is not None:
        raise TypeError(f"{place}: a checkpoint cannot hold an array of {array.dtype}")
    try:
        stored = torch.from_numpy(array)
    except (TypeError, ValueError):
        stored = None
    if stored is not None and stored.dtype in _STORABLE:
        tensors[place] = stored
        return {mark: place}
    tensors[place] = torch.from_numpy(np.frombuffer(bytearray(array.tobytes()), np.uint8).copy())
    return {mark: place, "dtype": array.dtype.str, "shape": list(array.shape)}


def _without_sharing(tensors: Tensors) -> Tensors:
    """Copy what shares memory with an earlier tensor: safetensors refuses to write the same bytes twice."""
    seen: set[int] = set()
    own: Tensors = {}
    for name, tensor in tensors.items():
        start = tensor.untyped_storage().data_ptr()
        own[name] = tensor.clone() if start in seen else tensor
        seen.add(start)
    return own


def _decode_tensor(reference: dict[str, Any], tensors: Tensors) -> torch.Tensor:
    # A fresh copy: loaded tensors are windows into one mapped file, whose odd alignment may change the
    # order of floating-point sums, and a resumed run has to end with the same bits.
    stored = tensors[reference["$tensor"]]
    if "dtype" not in reference:
        return stored.clone()
    dtype = getattr(torch, reference["dtype"])
    if not isinstance(dtype, torch.dtype):
        raise ValueError(f"unknown tensor type {reference['dtype']!r}")
    return stored.clone().view(dtype).reshape(reference["shape"])


def _decode_array(reference: dict[str, Any], tensors: Tensors) -> np.ndarray:
    stored = tensors[reference.get("$array", reference.get("$scalar", ""))].numpy()
    if "dtype" not in reference:
        return stored.copy()
    dtype = np.dtype(reference["dtype"])
    if dtype.hasobject:
        raise ValueError(f"unknown array type {reference['dtype']!r}")
    if dtype.itemsize == 0:
        return np.zeros(reference["shape"], dtype)
    return np.frombuffer(bytearray(stored.tobytes()), dtype).reshape(reference["shape"])


_DECODERS: dict[str, Callable[[dict[str, Any], Tensors], Any]] = {
    "$tensor": _decode_tensor,
    "$array": _decode_array,
    "$scalar": lambda reference, tensors: _decode_array(reference, tensors)[()],
    "$int": lambda reference, _: int(reference["$int"], 16),
    "$float": lambda reference, _: float(reference["$float"]),
    "$tuple": lambda reference, tensors: tuple(decode(item, tensors) for item in reference["$tuple"]),
    "$dict": lambda reference, tensors: {k: decode(v, tensors) for k, v in reference["$dict"].items()},
}
