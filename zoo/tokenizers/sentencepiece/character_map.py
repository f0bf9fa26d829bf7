"""The map of characters that a SentencePiece model holds, asked backwards."""

import re
import struct
from typing import NamedTuple

import numpy as np

# Of a node of the trie, as the library Darts-clone packs it.
_LABEL, _HAS_LEAF, _VALUE = 0x800000FF, 0x100, 0x7FFFFFFF
_BYTES = np.arange(1, 256)


def characters_that_may_become(characters: str, character_map: bytes) -> str:
    """Characters of which a text must hold one for normalisation to leave any of some others in it.

    Args:
        characters: Those others.
        character_map: `normalizer_spec.precompiled_charsmap` of a model: a trie of what is replaced, the longest match
            first, and the texts that are put in its place. Empty if the model has none.

    Returns:
        `characters` themselves, and the first one of all that is replaced by a text with one of them.
    """
    found = set(characters)
    if character_map:
        (size,) = struct.unpack_from("<I", character_map)
        edges = _edges(np.frombuffer(character_map, "<u4", size // 4, 4))
        leads = _leads_to(edges, _holds(character_map[4 + size :], characters, edges.targets))
        found |= _first_characters(edges, leads)
    return "".join(sorted(found))


class _Edges(NamedTuple):
    """The edges of the trie, which shares its ends; a place is where the children of a node are counted from.

    Attributes:
        parents, children: int64 [E], places.
        labels: int64 [E], the byte of each.
        targets: int64 [E], where in the texts what has been read is replaced by begins; below 0 if nothing replaces it.
    """

    parents: np.ndarray
    children: np.ndarray
    labels: np.ndarray
    targets: np.ndarray


def _edges(units):
    offsets = (units >> 10).astype(np.int64) << ((units & 0x200) >> 6).astype(np.int64)
    found, places, seen = [], offsets[:1], np.zeros(len(units) + 256, bool)
    while len(places):
        seen[places] = True
        nodes = places[:, np.newaxis] ^ _BYTES
        exist = nodes < len(units)
        exist &= (units[np.where(exist, nodes, 0)] & _LABEL) == _BYTES
        rows, columns = np.nonzero(exist)
        nodes = nodes[exist]
        children = nodes ^ offsets[nodes]
        targets = np.where(units[nodes] & _HAS_LEAF, units[children].astype(np.int64) & _VALUE, -1)
        found.append((places[rows], children, _BYTES[columns], targets))
        places = np.unique(children[~seen[children]])
    return _Edges(*map(np.concatenate, zip(*found, strict=True)))


def _holds(texts, characters, starts):
    """Whether the text at each place, which ends with NUL, holds any of the characters."""
    bytes_of = [character.encode() for character in characters]
    places = np.array([found.start() for found in re.finditer(b"|".join(map(re.escape, bytes_of)), texts)], np.int64)
    ends = np.flatnonzero(np.frombuffer(texts, np.uint8) == 0)
    ends = ends[np.minimum(np.searchsorted(ends, starts), len(ends) - 1)]
    return (starts >= 0) & (np.searchsorted(places, starts) < np.searchsorted(places, ends))


def _leads_to(edges, wanted):
    """Whether each edge is wanted or comes before one that is."""
    places = np.zeros(max(edges.parents.max(), edges.children.max()) + 1, bool)
    leads = wanted
    while True:
        places[edges.parents[leads]] = True
        more = wanted | places[edges.children]
        if (more == leads).all():
            return leads
        leads = more


def _first_characters(edges, leads):
    """The first character of each way from the root that is wanted."""
    following = {}
    for parent, child, label in zip(*(values[leads].tolist() for values in edges[:3]), strict=True):
        following.setdefault(parent, []).append((child, bytes([label])))
    found, begun = set(), [(edges.parents[0].item(), b"")]
    while begun:
        place, read = begun.pop()
        for child, label in following.get(place, ()):
            whole = (read + label).decode(errors="ignore")
            if whole:
                found.add(whole)
            else:
                begun.append((child, read + label))
    return found
