"""Shapes and views: DimShuffle, Shape, Reshape, SpecifyShape and what only passes a value on."""

from pytensor.compile.ops import DeepCopyOp, TypeCastingOp
from pytensor.tensor.basic import ScalarFromTensor, TensorFromScalar
from pytensor.tensor.elemwise import DimShuffle
from pytensor.tensor.extra_ops import CpuContiguous
from pytensor.tensor.reshape import JoinDims, SplitDims
from pytensor.tensor.shape import Reshape, Shape, Shape_i, SpecifyShape

from gemmule.frontend.generators import is_generator
from gemmule.frontend.registry import lowers, unsupported


@lowers(DimShuffle)
def lower_dimshuffle(node, inputs, builder):
    op = node.op
    value = builder.squeeze(inputs[0], op.drop)
    kept = [axis for axis in range(op.input_ndim) if axis not in op.drop]
    order = [kept.index(axis) for axis in op.new_order if axis != "x"]
    value = builder.transpose(value, order)
    return [builder.expand_dims(value, [i for i, axis in enumerate(op.new_order) if axis == "x"])]


@lowers(TensorFromScalar, ScalarFromTensor, TypeCastingOp, CpuContiguous)
def lower_identity(node, inputs, builder):
    return [inputs[0]]


@lowers(DeepCopyOp)
def lower_copy(node, inputs, builder):
    if is_generator(node.outputs[0]):  # it has been copied, or nobody else reads it
        return inputs
    return [builder.add("copy", inputs[0])]


@lowers(Shape)
def lower_shape(node, inputs, builder):
    sizes = builder.dims(inputs[0])
    vector = builder.add("stack", *sizes, dtype="int64")
    builder.set_elements(vector, sizes)
    return [vector]


@lowers(Shape_i)
def lower_shape_i(node, inputs, builder):
    return [builder.dim(inputs[0], node.op.i)]


@lowers(SpecifyShape)
def lower_specify_shape(node, inputs, builder):
    value, *sizes = inputs
    known = builder.shape(value)
    targets = []
    for axis, size in enumerate(sizes):
        targets.append(builder.dim(value, axis) if size is None else builder.size(size))
        static = None if size is None else builder.graph.constant_value(size)
        if known[axis] == 1 and (static is None or static != 1) and size is not None:
            raise unsupported("SpecifyShape of an axis of size 1 with a size that is not 1")
    return [builder.broadcast_to(value, targets)]


@lowers(Reshape)
def lower_reshape(node, inputs, builder):
    value, shape = inputs
    return [builder.add("reshape", value, *builder.elements(shape, node.op.ndim))]


def product_of(values, builder) -> int:
    result = builder.integer(1)
    for index, value in enumerate(values):
        result = value if index == 0 else builder.add("multiply", result, value)
    return result


@lowers(JoinDims)
def lower_join_dims(node, inputs, builder):
    [value] = inputs
    first, last = node.op.start_axis, node.op.start_axis + node.op.n_axes
    if first == last:
        return [builder.expand_dims(value, [first])]
    sizes = builder.dims(value)
    joined = product_of(sizes[first:last], builder)
    return [builder.add("reshape", value, *sizes[:first], joined, *sizes[last:])]


@lowers(SplitDims)
def lower_split_dims(node, inputs, builder):
    value, shape = inputs
    axis = node.op.axis
    sizes = builder.dims(value)
    count = node.outputs[0].type.ndim - node.inputs[0].type.ndim + 1
    parts = [builder.cast(part, "int64") for part in builder.elements(shape, count)]
    if not parts:
        return [builder.squeeze(value, [axis])]
    return [builder.add("reshape", value, *sizes[:axis], *parts, *sizes[axis + 1 :])]
