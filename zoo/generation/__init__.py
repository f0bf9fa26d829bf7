"""Search over a step function: one decode loop, greedy and beam search and sampling, with no model and no text."""

from zoo.generation.beam_search import STOPPING_RULES, BeamSearch, beam_search
from zoo.generation.control import Control
from zoo.generation.decode_loop import Choice, DecodeState, decode_loop
from zoo.generation.greedy_search import Greedy, greedy_search
from zoo.generation.hypotheses import Hypotheses
from zoo.generation.length_penalty import LENGTH_PENALTY_TYPES, length_penalty_divisor
from zoo.generation.sampling import Sampling, sample
from zoo.generation.search import Search
from zoo.generation.token_rules import TokenRules

__all__ = [
    "LENGTH_PENALTY_TYPES",
    "STOPPING_RULES",
    "BeamSearch",
    "Choice",
    "Control",
    "DecodeState",
    "Greedy",
    "Hypotheses",
    "Sampling",
    "Search",
    "TokenRules",
    "beam_search",
    "decode_loop",
    "greedy_search",
    "length_penalty_divisor",
    "sample",
]
