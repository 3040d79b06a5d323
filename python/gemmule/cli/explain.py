"""show the kernels of a program, a function or a model

What gemmule.explain prints: each kernel with what it computes, flops and bytes, patterns that
nearly matched, and what Python runs. Sizes are symbols until inputs are given.
"""

from gemmule.cli.arguments import add_file, add_inputs


def add_arguments(parser) -> None:
    add_file(parser)
    add_inputs(parser)
    parser.add_argument("--graph", action="store_true", help="the program as text (IR) too")
    parser.add_argument("--svg", metavar="FILE", help="write the program as a picture too")


def run(options, terminal) -> int:
    from gemmule.cli.errors import CommandError
    from gemmule.cli.target import complete, open_target, take_values

    target = open_target(options, terminal, options.function)
    values = take_values(target, options)
    is_complete = {name for name, *_ in target.inputs} <= {*values, *target.defaults}
    explanation = target.explain(complete(target, values) if values or is_complete else None)
    document = {
        "file": options.file,
        "kind": target.kind,
        "function": target.function_name,
        **explanation.to_dict(),
    }
    text = explanation.text()
    if options.graph:
        text += f"\n\n{explanation.graph}"
    if options.svg:
        if target.graph is None:
            raise CommandError("--svg draws what a Python file defines, and no program from a file")
        explanation.svg(options.svg)
        document["svg"] = options.svg
    terminal.show(text, document)
    return 0
