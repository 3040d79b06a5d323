"""write a model or function of a Python file as a program

What gemmule.export writes: a file that gemmule.load, the other commands, C and C++ run without
PyTensor and PyMC.
"""

from gemmule.cli.arguments import add_name


def add_arguments(parser) -> None:
    add_name(parser)
    parser.add_argument(
        "--output", "-o", metavar="FILE", required=True, help="where, such as model.gemmule"
    )


def run(options, terminal) -> int:
    import gemmule
    from gemmule.cli.source import kind_of, load
    from gemmule.cli.target import graph_of

    with terminal.progress("exporting") as begins:
        begins(options.file)
        value = load(options.file, options.name)
        kind = kind_of(value)
        if kind == "program":
            value.save(options.output)
        elif kind == "model":
            gemmule.export(value, options.output)
        else:
            graph = graph_of(value, kind)
            gemmule.export(graph.compiled or graph.compile(), options.output)
    core = gemmule.load(options.output).core
    document = {
        "file": options.file,
        "output": options.output,
        "functions": core.functions,
        "data": list(core.data),
    }
    functions, data = ", ".join(core.functions), ", ".join(core.data) or "none"
    terminal.show(f"wrote {options.output}: functions: {functions}; data: {data}", document)
    return 0
