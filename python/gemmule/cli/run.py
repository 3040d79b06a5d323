"""run a program, a function or a model

With inputs from the command line or from files; a model without any at its initial point. Shows
the outputs, or writes them to a file of NumPy.
"""

from gemmule.cli.arguments import add_file, add_inputs


def add_arguments(parser) -> None:
    add_file(parser)
    add_inputs(parser)
    parser.add_argument(
        "--output", "-o", metavar="FILE.npz", help="write the outputs there, by name"
    )


def run(options, terminal) -> int:
    import numpy as np

    from gemmule.cli.errors import UsageError
    from gemmule.cli.target import complete, open_target, take_values
    from gemmule.cli.values import for_json, type_text

    if options.output and not options.output.endswith(".npz"):
        raise UsageError(f"--output {options.output}: the name has to end with .npz")
    target = open_target(options, terminal, options.function)
    values = complete(target, take_values(target, options))
    outputs = target.run(values)
    document = {
        "file": options.file,
        "kind": target.kind,
        "function": target.function_name,
        "inputs": {
            name: {"dtype": str(value.dtype), "shape": list(value.shape)}
            for (name, *_), value in zip(target.inputs, values, strict=True)
        },
        "outputs": {
            name: {"dtype": str(value.dtype), "shape": list(value.shape)}
            for name, value in outputs.items()
        },
    }
    if options.output:
        np.savez(options.output, **outputs)
        document["output"] = options.output
        lines = [f"{name}  {type_text(v.dtype, v.shape)}" for name, v in outputs.items()]
        terminal.show("\n".join([*lines, f"written to {options.output}"]), document)
        return 0
    parts = []
    for name, value in outputs.items():
        document["outputs"][name]["value"] = for_json(value)
        text = np.array2string(value, threshold=100, max_line_width=100)
        heading = f"{terminal.style(name, 'bold')}  {type_text(value.dtype, value.shape)}"
        parts.append(f"{heading}\n{text}")
    terminal.show("\n\n".join(parts), document)
    return 0
