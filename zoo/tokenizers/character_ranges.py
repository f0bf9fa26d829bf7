"""Sets of characters as ranges of hexadecimal code points with blanks between, such as "41-5a 61-7a"."""


def class_content(ranges: str) -> str:
    """Ranges as the inside of a character class of RE2."""
    ends = [part.partition("-") for part in ranges.split()]
    return "".join(rf"\x{{{first}}}-\x{{{last}}}" if last else rf"\x{{{first}}}" for first, _, last in ends)


def without(ranges: str, *others: str) -> str:
    """Ranges without the code points of others."""
    found = _code_points(ranges).difference(*map(_code_points, others))
    starts = [point for point in sorted(found) if point - 1 not in found]
    ends = [point for point in sorted(found) if point + 1 not in found]
    return " ".join(f"{start:x}-{end:x}" for start, end in zip(starts, ends, strict=True))


def _code_points(ranges):
    found = set()
    for part in ranges.split():
        first, _, last = part.partition("-")
        found.update(range(int(first, 16), int(last or first, 16) + 1))
    return found
