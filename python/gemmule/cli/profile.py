"""time the kernels of a program, a function or a model

What gemmule.profile prints: seconds of every instruction of one call, the least of several.
Inputs whose sizes are known and that have no value get random ones.
"""

from gemmule.cli.arguments import add_file, add_inputs, positive


def add_arguments(parser) -> None:
    add_file(parser)
    add_inputs(parser)
    parser.add_argument("--repeats", type=positive, default=20, help="calls (default: 20)")
    parser.add_argument("--svg", metavar="FILE", help="write a picture with a bar per kernel too")


def run(options, terminal) -> int:
    from gemmule.cli.target import complete_or_random, open_target, take_values

    target = open_target(options, terminal, options.function)
    values = complete_or_random(target, take_values(target, options))
    with terminal.progress("measuring") as begins:
        begins(f"{options.repeats} calls")
        profile = target.profile(values, options.repeats)
    document = {
        "file": options.file,
        "kind": target.kind,
        "function": target.function_name,
        "repeats": options.repeats,
        **profile.to_dict(),
    }
    if options.svg:
        profile.svg(options.svg)
        document["svg"] = options.svg
    terminal.show(profile.text(), document)
    return 0
