#!/usr/bin/env python3
"""The C compiler of a check for macOS: zig's, behind the flags that build scripts pass to Apple's clang.

Objective-C that includes Apple's headers cannot be compiled without Apple's SDK: an empty object takes its place, and
its name goes into objective-c.log, so that what was left out is seen.
"""
import os
import re
import subprocess
import sys

TOOLS = os.environ["MACOS_CHECK_HOME"]
ARCHITECTURE = os.environ["MACOS_CHECK_TARGET"].split("-")[0]
APPLE_ONLY_WITH_VALUE = {"-arch", "-isysroot", "-target"}
APPLE_ONLY = re.compile(r"-mmacosx?-version-min|--target=|-gfull$")


def translated(arguments):
    rest = iter(arguments)
    for argument in rest:
        if argument in APPLE_ONLY_WITH_VALUE:
            next(rest, None)
        elif not APPLE_ONLY.match(argument):
            yield argument


def without_objective_c(arguments, sources):
    empty = os.path.join(TOOLS, "empty.c")
    open(empty, "w").close()
    kept = (a for a in arguments if not re.match(r"-fobjc|-ObjC|-xobjective-c", a))
    return [empty if a in sources else a for a in kept]


def main():
    zig = os.path.join(TOOLS, "zig", "ziglang", "zig")
    mode = "c++" if os.path.basename(sys.argv[0]).startswith("c++") else "cc"
    compiler = [zig, mode, "-target", f"{ARCHITECTURE}-macos", "-fno-sanitize=undefined"]
    arguments = list(translated(sys.argv[1:]))
    objective_c = [a for a in arguments if re.search(r"\.mm?$", a)]
    if not objective_c:
        os.execv(zig, compiler + arguments)
    done = subprocess.run(compiler + arguments, capture_output=True, text=True)
    if done.returncode and "file not found" in done.stderr:
        with open(os.path.join(TOOLS, "objective-c.log"), "a") as log:
            log.write(" ".join(objective_c) + "\n")
        os.execv(zig, compiler + without_objective_c(arguments, objective_c))
    sys.stderr.write(done.stderr)
    sys.exit(done.returncode)


main()
