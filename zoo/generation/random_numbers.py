"""Random numbers as a function of a seed and counters: no state, the same bits on every backend and in a SavedModel."""

from keras import ops

_ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
_KEY_PARITY = 0x1BD11BDA
_NUM_ROUNDS = 20


def threefry(key, counter):
    """Threefry-2x32 with 20 rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").

    The words are unsigned 32-bit numbers held in int32, because neither TensorFlow's CPU kernels nor JAX without 64-bit
    types offer all that is needed for others: sums wrap around, and bits that a right shift of a negative number fills
    in are masked away.

    Args:
        key: two int32 tensors that broadcast with each other and the counters.
        counter: two int32 tensors.

    Returns:
        Two int32 tensors of the broadcast shape.
    """
    key = [ops.cast(word, "int32") for word in key]
    keys = (*key, ops.bitwise_xor(ops.bitwise_xor(key[0], key[1]), _word(_KEY_PARITY)))
    first, second = ops.cast(counter[0], "int32") + keys[0], ops.cast(counter[1], "int32") + keys[1]
    for number in range(_NUM_ROUNDS):
        first = first + second
        second = ops.bitwise_xor(_rotate_left(second, _ROTATIONS[number % 8]), first)
        if number % 4 == 3:
            injection = number // 4 + 1
            first = first + keys[injection % 3]
            second = second + keys[(injection + 1) % 3] + _word(injection)
    return first, second


def uniform(seeds, index, sample=0):
    """A number between 0 and 1 for every seed and pair of counters; the same three integers give the same number.

    The upper 24 bits of Threefry's first word, as many as float32 holds, so all multiples of 2**-24 are equally likely.

    Args:
        seeds: int32, any shape; every integer is as good as every other.
        index: int32, broadcastable to the seeds: a counter, for example the position in a sequence.
        sample: int32, broadcastable: a second counter, for example the number of the sequence among those of a seed.

    Returns:
        float32 in [0, 1), the broadcast shape.

    Example:
        >>> uniform(ops.array([7, 7, 8]), index=0, sample=ops.array([0, 1, 0])).shape
        (3,)
    """
    bits, _ = threefry((seeds, _word(0)), (index, sample))
    upper = ops.bitwise_and(ops.right_shift(bits, _word(8)), _word(2**24 - 1))
    return ops.cast(upper, "float32") * 2.0**-24


def _word(number):
    return ops.convert_to_tensor(number, dtype="int32")


def _rotate_left(word, places):
    # An arithmetic shift fills in ones from the left in negative numbers; what the mask leaves is the logical shift.
    lower = ops.bitwise_and(ops.right_shift(word, _word(32 - places)), _word(2**places - 1))
    return ops.bitwise_or(ops.left_shift(word, _word(places)), lower)
