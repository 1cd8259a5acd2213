"""Writing a processor's instructions register by register, for functions that Numba compiles.

A register of 512 bits holds sixteen numbers, 32 short ones or 64 bytes. Numba's compiler does not always find by itself
which numbers are best kept in one; here a function says it, and the compiler does the rest.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from llvmlite import binding, ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16
BYTES = LANES * 4
FLOAT, BYTE, SHORT, WHOLE, NUMBERS = ir.FloatType(), ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64)
VECTOR = ir.VectorType(FLOAT, LANES)
# Instructions that the compiler has no words for are given by their names, which it must be able to read.
binding.initialize_native_asmparser()
# A product and the sum it goes into may be one instruction.
JOINED = ("contract",)


def suits() -> bool:
    """Whether this processor has such registers, and Numba compiles, and for it."""
    here = not config.DISABLE_JIT and config.CPU_NAME is None  # type: ignore[attr-defined]
    return here and bool(_features().get("avx512f"))


def multiplies_bf16() -> bool:
    """Whether it multiplies bf16 in them, too."""
    return suits() and bool(_features().get("avx512bf16"))


def multiplies_bytes() -> bool:
    """Whether it multiplies bytes in them, too, and short numbers, and has parts of registers."""
    return suits() and all(_features().get(name) for name in ("avx512bw", "avx512vl", "avx512vnni"))


@functools.cache
def _features() -> Mapping[str, bool]:
    """What this processor can do: it is asked for every photograph."""
    found: Mapping[str, bool] = binding.get_host_cpu_features()
    return found


def instructions(write: Callable[..., None]) -> Any:
    """A function for compiled functions to call, of what `write` writes when it is given a Writer and the arguments.

    Its arguments are flat arrays and whole numbers. An array whose registers are loaded from multiples of sixteen is of
    float32 and begins where a register's bytes may.
    """

    def typed(_: Any, *kinds: Any) -> Any:
        signature = types.void(*(kind if isinstance(kind, types.Array) else types.intp for kind in kinds))
        return signature, generate

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        pairs = zip(signature.args, given, strict=True)
        places = [
            context.make_array(k)(context, builder, v).data if isinstance(k, types.Array) else v for k, v in pairs
        ]
        write(Writer(builder), *places)
        return context.get_dummy_value()

    # Numba counts arguments by the signature: the writer stands where it puts what it knows about types.
    typed.__signature__ = inspect.signature(write)  # type: ignore[attr-defined]
    return intrinsic(typed)


class Lanes:
    """Numbers of one kind in a register. Reckoning with them writes the instructions that do so.

    What stands beside them may be a plain number. Whole numbers have no sign where two of them are compared, or where
    they become longer.
    """

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    @property
    def count(self) -> int:
        """How many they are."""
        found: int = self.value.type.count
        return found

    def __add__(self, other: Lanes | float) -> Lanes:
        return self._joined("add", other)

    def __sub__(self, other: Lanes | float) -> Lanes:
        return self._joined("sub", other)

    def __rsub__(self, number: float) -> Lanes:
        return self._all(number) - self

    def __mul__(self, other: Lanes | float) -> Lanes:
        return self._joined("mul", other)

    def __rmul__(self, factor: float) -> Lanes:
        return self * factor

    def __rshift__(self, bits: int) -> Lanes:
        return Lanes(self.builder, self.builder.lshr(self.value, self._all(bits).value))

    def __gt__(self, other: Lanes | float) -> Lanes:
        compare = self.builder.fcmp_ordered if self._kind == FLOAT else self.builder.icmp_unsigned
        return Lanes(self.builder, compare(">", self.value, self._all(other).value))

    def pick(self, one: Lanes, other: Lanes) -> Lanes:
        """Of a comparison: `one` in lanes where it holds, `other` where it does not."""
        return Lanes(self.builder, self.builder.select(self.value, one.value, other.value))

    def larger(self, other: Lanes | float) -> Lanes:
        """Lane by lane, the larger of two."""
        return (self > other).pick(self, self._all(other))

    def smaller(self, other: Lanes | float) -> Lanes:
        """Lane by lane, the smaller of two."""
        return (self > other).pick(self._all(other), self)

    def root(self) -> Lanes:
        """Square roots."""
        return named(self.builder, f"llvm.sqrt.v{self.count}f32", self.value.type, self)

    def shuffled(self, places: Iterable[int], other: Lanes | None = None) -> Lanes:
        """The numbers at these places, where the other ones' places follow on the last one here."""
        wanted = list(places)
        behind = self.value if other is None else other.value
        chosen = ir.Constant(ir.VectorType(WHOLE, len(wanted)), wanted)
        return Lanes(self.builder, self.builder.shuffle_vector(self.value, behind, chosen))

    def beside(self, other: Lanes) -> Lanes:
        """These and, behind them, as many others."""
        return self.shuffled(range(2 * self.count), other)

    def of_kind(self, kind: Any) -> Lanes:
        """The same numbers; of whole ones that become shorter the lowest bits, of others the whole part."""
        if FLOAT in (kind, self._kind):
            turn = self.builder.sitofp if kind == FLOAT else self.builder.fptosi
        else:
            turn = self.builder.zext if kind.width > self._kind.width else self.builder.trunc
        return Lanes(self.builder, turn(self.value, ir.VectorType(kind, self.count)))

    @property
    def _kind(self) -> Any:
        return self.value.type.element

    def _all(self, number: Lanes | float) -> Lanes:
        """A number in all lanes."""
        if isinstance(number, Lanes):
            return number
        value = float(number) if self._kind == FLOAT else int(number)
        return Lanes(self.builder, ir.Constant(self.value.type, [value] * self.count))

    def _joined(self, how: str, other: Lanes | float) -> Lanes:
        given = self.value, self._all(other).value
        if self._kind == FLOAT:
            return Lanes(self.builder, getattr(self.builder, f"f{how}")(*given, flags=JOINED))
        return Lanes(self.builder, getattr(self.builder, how)(*given))


class Writer:
    """Writes into one function. Arrays are given by their first place, whole numbers by Python or as values."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def step(self, start: Any, step: Any, count: int) -> Any:
        """The number `start + step * count`."""
        step = step if isinstance(step, ir.Value) else NUMBERS(step)
        return self.builder.add(start, self.builder.mul(step, NUMBERS(count)))

    def load(self, array: Any, at: Any) -> Lanes:
        """Sixteen numbers of an array, the first at `at`, a multiple of sixteen."""
        place = self.builder.bitcast(self.builder.gep(array, [at]), VECTOR.as_pointer())
        return Lanes(self.builder, self.builder.load(place, align=BYTES))

    def store(self, lanes: Lanes, array: Any, at: Any) -> None:
        """The same, back."""
        place = self.builder.bitcast(self.builder.gep(array, [at]), VECTOR.as_pointer())
        self.builder.store(lanes.value, place, align=BYTES)

    def some(self, array: Any, at: Any, count: int) -> Lanes:
        """So many numbers of an array of any kind, from any place on."""
        kind = array.type.pointee
        place = self.builder.bitcast(self.builder.gep(array, [at]), ir.VectorType(kind, count).as_pointer())
        return Lanes(self.builder, self.builder.load(place, align=_size(kind)))

    def put(self, lanes: Lanes, array: Any, at: Any) -> None:
        """The same, back."""
        place = self.builder.bitcast(self.builder.gep(array, [at]), lanes.value.type.as_pointer())
        self.builder.store(lanes.value, place, align=_size(array.type.pointee))

    def add(self, lanes: Lanes, array: Any, at: Any) -> None:
        """To the numbers that are there."""
        self.put(lanes + self.some(array, at, lanes.count), array, at)

    def number(self, array: Any, at: Any) -> Any:
        """One whole number of an array, to reckon places with."""
        return self.builder.zext(self.builder.load(self.builder.gep(array, [at])), NUMBERS)

    def spread(self, array: Any, at: Any, count: int = LANES) -> Lanes:
        """One number of an array, in so many lanes."""
        kind = array.type.pointee
        number = self.builder.load(self.builder.gep(array, [at]), align=_size(kind))
        nothing = ir.Constant(ir.VectorType(kind, count), ir.Undefined)
        first = Lanes(self.builder, self.builder.insert_element(nothing, number, WHOLE(0)))
        return first.shuffled([0] * count)

    def unknown(self, number: int) -> Any:
        """A number that the compiler cannot see, so that it leaves a loop as it is written."""
        return self.builder.asm(ir.FunctionType(NUMBERS, [NUMBERS]), "", "=r,0", [NUMBERS(number)], True)

    def store_bf16(self, lanes: Lanes, array: Any, at: Any) -> None:
        """Sixteen numbers as bf16, two in the room of one: of an array of float32, eight places from `at` on."""
        eight = ir.VectorType(ir.FloatType(), LANES // 2)
        kind = ir.FunctionType(eight, [VECTOR])
        made = self.builder.asm(kind, "vcvtneps2bf16 $1, $0", "=v,v", [lanes.value], False)
        place = self.builder.bitcast(self.builder.gep(array, [at]), eight.as_pointer())
        self.builder.store(made, place, align=BYTES // 2)

    def pairs_onto(self, one: Lanes, other: Lanes, total: Lanes) -> Lanes:
        """The total and, lane by lane, the products of two pairs of bf16."""
        kind = ir.FunctionType(VECTOR, [VECTOR, VECTOR, VECTOR])
        given = [one.value, other.value, total.value]
        return Lanes(self.builder, self.builder.asm(kind, "vdpbf16ps $2, $1, $0", "=v,v,v,0", given, False))

    def products_of_bytes(self, bytes_: Lanes, others: Lanes, total: Lanes) -> Lanes:
        """The total and, lane by lane, the products of four bytes and four others, which have signs."""
        name = f"llvm.x86.avx512.vpdpbusd.{WHOLE.width * total.count}"
        return named(self.builder, name, total.value.type, total, bytes_, others)

    def products_of_pairs(self, pairs: Lanes, others: Lanes) -> Lanes:
        """The products of 16 pairs of short numbers and 16 others, with signs."""
        return named(self.builder, "llvm.x86.avx512.pmaddw.d.512", ir.VectorType(WHOLE, LANES), pairs, others)

    def picked(self, low: Lanes, high: Lanes, places: Lanes) -> Lanes:
        """Of 64 short numbers those at 32 places, which the processor learns as it goes."""
        return named(self.builder, "llvm.x86.avx512.vpermi2var.hi.512", low.value.type, low, places, high)

    def zeros(self, kind: Any = FLOAT, count: int = LANES) -> Lanes:
        """So many zeros."""
        return Lanes(self.builder, ir.Constant(ir.VectorType(kind, count), [0] * count))

    def variable(self, kind: Any = FLOAT, count: int = LANES) -> Any:
        """A register that is written more than once, with zeros in it: an array of its own."""
        room = cgutils.alloca_once(self.builder, ir.VectorType(kind, count))  # type: ignore[no-untyped-call]
        place = self.builder.bitcast(room, kind.as_pointer())
        self.put(self.zeros(kind, count), place, NUMBERS(0))
        return place


def named(builder: Any, name: str, kind: Any, *given: Lanes) -> Lanes:
    """What the instruction that LLVM has under this name makes of registers."""
    values = [one.value for one in given]
    signature = ir.FunctionType(kind, [value.type for value in values])
    function = cgutils.get_or_insert_function(builder.module, signature, name)  # type: ignore[no-untyped-call]
    return Lanes(builder, builder.call(function, values))


def _size(kind: Any) -> int:
    """Bytes of one number."""
    return 4 if kind == FLOAT else kind.width // 8
