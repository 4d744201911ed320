#!/usr/bin/python3 -IS
"""Dependencies go downwards: includes against the table of layers in docs/architecture.md.

A file may include headers of its own layer and of those below it; lib/ knows nothing above itself; what is called pure there
neither includes nor calls what asks the clock, the environment or the system. TAP.
"""
import glob
import os
import re
import subprocess
import sys

os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", "build")
IMPURE = re.compile(r"^(time|clock_gettime|gettimeofday|getenv|secure_getenv|environ|open|read|write|fopen|socket|stat|"
                    r"fork|execv\w*|posix_spawn\w*|kill|printf|puts|fputs|stderr|stdout|log_\w+|process_\w+)(@.*)?$")
tests = []


def test(name, problems):
    tests.append(not problems)
    print(f"{'not ok' if problems else 'ok'} {len(tests)} - {name}")
    for problem in problems:
        print(f"# {problem}")


layer, text = {}, open("docs/architecture.md").read()
for number, files in re.findall(r"^\| (\d+) \| ((?:`[^`]+`[ ,]*)+)\|", text, re.M):
    for file in re.findall(r"`([^`]+)`", files):
        layer[file.removesuffix(".c")] = int(number)
pure = re.search(r"((?:`\w+`(?:, | and )?)+) are\s+pure", text)
pure = re.findall(r"`(\w+)`", pure[1]) if pure else []

sources = sorted(glob.glob("*.[ch]") + glob.glob("lib/*.[ch]"))
modules = {file[:-2] for file in sources if file.endswith(".c")}
test("every source file has a layer", sorted(f"{m}.c has none" for m in modules - set(layer)))
test("the table names no file that is not there", sorted(f"{m}.c is not there" for m in set(layer) - modules))

upwards, above_lib, headers, includes, header_includes = [], [], [], {}, {}
for file in sources:
    me = file[:-2]
    for line, other in enumerate(open(file), 1):
        found = re.match(r'#include "([^"]+)"', other)
        if not found:
            continue
        path = os.path.normpath(os.path.join(os.path.dirname(file), found[1]))
        it = path.removesuffix(".h")
        includes.setdefault(me, set()).add(it)
        if file.endswith(".h"):
            header_includes.setdefault(me, set()).add(it)
        if file.startswith("lib/") and not path.startswith("lib/"):
            above_lib.append(f"{file}:{line} includes {path}")
        # a header without a source (version.h) is on the ground
        if layer.get(it, 0) > layer.get(me, 0):
            upwards.append(f"{file}:{line} (layer {layer.get(me, 0)}) includes {path} (layer {layer[it]})")
    if file.endswith(".c") and me != "main" and os.path.exists(me + ".h"):
        first = re.search(r'#include [<"]([^">]+)', open(file).read())
        if first[1] != os.path.basename(me) + ".h" and f'"{os.path.basename(me)}.h"' not in open(file).read():
            headers.append(f"{file} does not include its own header")
test("lib/ includes nothing from above", above_lib)
test("includes go downwards", upwards)
test("a source file includes its header", headers)

# a layer may call within itself both ways, but its headers have an order
circles, done = set(), set()


def walk(module, path):
    if module in path:
        circles.add(" -> ".join(path[path.index(module):] + [module]))
    elif module not in done:
        for other in sorted(header_includes.get(module, set()) - {module}):
            walk(other, path + [module])
        done.add(module)


for module in sorted(header_includes):
    walk(module, [])
test("headers do not include each other in a circle", sorted(circles))

problems = [] if pure else ["the table does not say what is pure"]
for name in pure:
    for other in includes.get(f"lib/{name}", ()):
        if os.path.basename(other) not in pure + ["text"]:
            problems.append(f"lib/{name}.c includes {other}.h")
    if os.path.exists(f"{BUILD}/lib/{name}.o"):
        symbols = subprocess.run(["nm", "-u", f"{BUILD}/lib/{name}.o"], capture_output=True, text=True).stdout.split()
        problems += [f"lib/{name}.c uses {s}" for s in symbols if IMPURE.match(s)]
test("what is called pure is: " + " ".join(pure), problems)
print(f"1..{len(tests)}")
sys.exit(not all(tests))
