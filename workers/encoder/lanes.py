"""Writing a processor's instructions register by register, for functions that Numba compiles.

A register of 512 bits holds sixteen numbers. Numba's compiler does not always find by itself which numbers are best
kept in one; here a function says it, and the compiler does the rest.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16
BYTES = LANES * 4
VECTOR = ir.VectorType(ir.FloatType(), LANES)
NUMBERS = ir.IntType(64)
# Instructions that the compiler has no words for are given by their names, which it must be able to read.
binding.initialize_native_asmparser()
# A product and the sum it goes into may be one instruction.
JOINED = ("contract",)


def suits() -> bool:
    """Whether this processor has such registers, and Numba compiles, and for it."""
    here = not config.DISABLE_JIT and config.CPU_NAME is None  # type: ignore[attr-defined]
    return here and bool(binding.get_host_cpu_features().get("avx512f"))


def multiplies_bf16() -> bool:
    """Whether it multiplies bf16 in them, too."""
    return suits() and bool(binding.get_host_cpu_features().get("avx512bf16"))


def instructions(write: Callable[..., None]) -> Any:
    """A function for compiled functions to call, of what `write` writes when it is given a Writer and the arguments.

    Its arguments are flat arrays of float32, which begin where a register's bytes may, and whole numbers.
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
    """Sixteen numbers in a register. Reckoning with them writes the instructions that do so."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    def __add__(self, other: Lanes) -> Lanes:
        return Lanes(self.builder, self.builder.fadd(self.value, other.value, flags=JOINED))

    def __sub__(self, other: Lanes) -> Lanes:
        return Lanes(self.builder, self.builder.fsub(self.value, other.value, flags=JOINED))

    def __mul__(self, other: Lanes) -> Lanes:
        return Lanes(self.builder, self.builder.fmul(self.value, other.value, flags=JOINED))

    def __rmul__(self, factor: float) -> Lanes:
        return Lanes(self.builder, ir.Constant(VECTOR, [float(factor)] * LANES)) * self

    def larger(self, other: Lanes) -> Lanes:
        """Lane by lane, the larger of two."""
        above = self.builder.fcmp_ordered(">", self.value, other.value)
        return Lanes(self.builder, self.builder.select(above, self.value, other.value))


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

    def spread(self, array: Any, at: Any) -> Lanes:
        """One number of an array, in all lanes."""
        number = self.builder.load(self.builder.gep(array, [at]), align=4)
        nothing, places = ir.Constant(VECTOR, ir.Undefined), ir.VectorType(ir.IntType(32), LANES)
        first = self.builder.insert_element(nothing, number, ir.IntType(32)(0))
        return Lanes(self.builder, self.builder.shuffle_vector(first, nothing, places([0] * LANES)))

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

    def zeros(self) -> Lanes:
        """Sixteen zeros."""
        return Lanes(self.builder, ir.Constant(VECTOR, [0.0] * LANES))

    def variable(self) -> Any:
        """A register that is written more than once, with zeros in it: an array of its own."""
        room = cgutils.alloca_once(self.builder, VECTOR)  # type: ignore[no-untyped-call]
        place = self.builder.bitcast(room, ir.FloatType().as_pointer())
        self.store(self.zeros(), place, NUMBERS(0))
        return place
