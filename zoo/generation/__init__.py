"""Search over a step function: one decode loop, greedy and beam search and sampling, with no model and no text."""

from zoo.generation.beam_search import STOPPING_RULES, BeamSearch
from zoo.generation.control import Control
from zoo.generation.decode_loop import Choice, DecodeState, decode_loop
from zoo.generation.decode_options import DecodeOptions
from zoo.generation.greedy_search import Greedy
from zoo.generation.hypotheses import Hypotheses
from zoo.generation.length_penalty import LENGTH_PENALTY_TYPES, length_penalty_divisor
from zoo.generation.sampling import Sampling
from zoo.generation.search import Search
from zoo.generation.token_rules import TokenRules

__all__ = [
    "LENGTH_PENALTY_TYPES",
    "STOPPING_RULES",
    "BeamSearch",
    "Choice",
    "Control",
    "DecodeOptions",
    "DecodeState",
    "Greedy",
    "Hypotheses",
    "Sampling",
    "Search",
    "TokenRules",
    "decode_loop",
    "length_penalty_divisor",
]
