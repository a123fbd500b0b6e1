#!/usr/bin/env python3
"""The linker of a check for macOS: rust-lld against zig's libSystem and empty stand-ins for Apple's frameworks.

Symbols that nothing here defines are Apple's to provide; they are written beside the output as NAME.unresolved.
"""
import os
import re
import subprocess
import sys

TOOLS = os.environ["MACOS_CHECK_HOME"]
SDK = os.path.join(TOOLS, "sdk")
LLD = os.path.join(TOOLS, "toolchain", "lib", "rustlib", "x86_64-unknown-linux-gnu", "bin", "rust-lld")
INSTALL_NAMES = {"objc": "objc.A", "iconv": "iconv.2"}
EMPTY_LIBRARY = """--- !tapi-tbd
tbd-version: 4
targets: [ x86_64-macos, arm64-macos ]
install-name: '{}'
...
"""


def write_once(path, text):
    """Several linkers run at once: whoever is first is as good as any other."""
    if os.path.exists(path):
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    mine = f"{path}.{os.getpid()}"
    with open(mine, "w") as file:
        file.write(text)
    os.replace(mine, path)


def lib_system():
    """zig's own description of libSystem, without the architecture that lld does not know."""
    with open(os.path.join(TOOLS, "zig", "ziglang", "lib", "libc", "darwin", "libSystem.tbd")) as file:
        text = re.sub(r"arm64e\.x1-\w+(,\s*)?", "", file.read())
    return re.sub(r",\s*\]", " ]", text).replace("arm64e-macos", "arm64-macos, arm64e-macos")


def expanded(arguments):
    for argument in arguments:
        if argument.startswith("@"):
            with open(argument[1:]) as file:
                yield from file.read().split("\n")
        else:
            yield argument


def folders(arguments):
    following = arguments[1:] + [""]
    return [after if a == "-L" else a[2:] for a, after in zip(arguments, following) if a.startswith("-L")]


def stand_in(argument, value, searched):
    if argument in ("-framework", "-weak_framework"):
        folder = f"/System/Library/Frameworks/{value}.framework"
        write_once(f"{SDK}{folder}/{value}.tbd", EMPTY_LIBRARY.format(f"{folder}/Versions/A/{value}"))
    elif argument.startswith("-l"):
        name = argument[2:]
        built = (os.path.join(folder, f"lib{name}{end}") for folder in searched for end in (".a", ".dylib"))
        if not any(map(os.path.exists, built)):
            installed = f"/usr/lib/lib{INSTALL_NAMES.get(name, name)}.dylib"
            write_once(f"{SDK}/usr/lib/lib{name}.tbd", EMPTY_LIBRARY.format(installed))


def link(command):
    done = subprocess.run(command, capture_output=True, text=True)
    missing = sorted(set(re.findall(r"error: undefined symbol: (\S+)", done.stderr)))
    if missing:
        done = subprocess.run([*command, "-undefined", "dynamic_lookup"], capture_output=True, text=True)
    return done, missing


def main():
    given = sys.argv[3:] if sys.argv[1] == "-flavor" else sys.argv[1:]
    arguments = list(expanded(given))
    for name in ("System", "c", "m"):
        write_once(f"{SDK}/usr/lib/lib{name}.tbd", lib_system())
    searched = folders(arguments)
    for argument, value in zip(arguments, arguments[1:] + [""]):
        stand_in(argument, value, searched)
    done, missing = link([LLD, "-flavor", "darwin", "--error-limit=0", *given])
    with open(arguments[arguments.index("-o") + 1] + ".unresolved", "w") as file:
        file.writelines(f"{symbol}\n" for symbol in missing)
    sys.stderr.write(done.stdout + done.stderr)
    sys.exit(done.returncode)


main()
