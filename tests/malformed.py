"""Graphs that are wrong, and what is said of each: name, text to replace in the base graph, replacement, message.

It is one list, and so longer than other files.
"""

BASE = """\
n2s: 1
title: Base
fps: 30
size: [64, 64]
duration: 1
nodes:
  picture: {node: ImageSource, path: picture.png}
  pulse: {node: Keyframes, points: [[0, 0], [1, 1]]}
  tone:
    node: Tone
    frames: picture
    exposure: = 0.5 * pulse
  out: {node: FFmpegSink, frames: tone, path: film.mp4}
"""

# A first text of None replaces the whole graph. Paths in messages are relative to the folder of case.yaml.
CASES = [
    (
        "empty",
        None,
        "",
        'case.yaml:1:1  The file is empty. A graph begins with "n2s: 1".',
    ),
    (
        "only a comment",
        None,
        "# nothing\n",
        'case.yaml:1:1  The file is empty. A graph begins with "n2s: 1".',
    ),
    (
        "a list",
        None,
        "- n2s: 1\n",
        'case.yaml:1:1  A graph is a mapping that begins with "n2s: 1".',
    ),
    (
        "a number",
        None,
        "7\n",
        'case.yaml:1:1  A graph is a mapping that begins with "n2s: 1".',
    ),
    (
        "a setting that is driven",
        "  tone:\n",
        "  swing: {node: Spring, kick: pulse, damping: = pulse, period: 2 beets}\n  tone:\n",
        "case.yaml:9:47  swing.damping: a number was wanted, not '= pulse'; a setting cannot move in time\n"
        'case.yaml:9:64  swing.period: a constant time was wanted, like 0.5, "0.5 s" or "4 beats", not \'2 beets\'; '
        'did you mean "2 beats"?',
    ),
    (
        "a parenthesis that is not closed before the next setting",
        "  tone:\n    node: Tone\n    frames: picture\n    exposure: = 0.5 * pulse\n",
        "  tone: {node: Tone, frames: picture, exposure: = (0.5 * pulse, contrast: 1.1}\n",
        'case.yaml:9:49  "= (0.5 * pulse" lacks a closing parenthesis; or it is cut at its comma: then quote it '
        'all: "= …".',
    ),
    (
        "a port in brackets",
        "frames: tone, path",
        "frames: [tone], path",
        'case.yaml:13:35  out.frames: a port takes the name of a node or of its output, like "features.onset", not '
        "['tone']; write tone",
    ),
    (
        "a parenthesis that is not closed before the brace",
        "  tone:\n    node: Tone\n    frames: picture\n    exposure: = 0.5 * pulse\n",
        "  tone: {node: Tone, frames: picture, exposure: = 0.5 * (pulse + 1}\n",
        'case.yaml:9:49  "= 0.5 * (pulse + 1" lacks a closing parenthesis.',
    ),
    (
        "a moment for a number",
        "= 0.5 * pulse",
        "at drop",
        "case.yaml:12:15  tone.exposure: 'at drop' is neither a number, nor \"features.onset\", nor an expression like "
        '"= 0.5 * pulse"; it is a time',
    ),
    (
        "seconds for a number of beats",
        "  tone:\n",
        "  swing: {node: Spring, kick: pulse, strength: 500 ms}\n  tone:\n",
        "case.yaml:9:48  swing.strength: 500 ms was given, which is a time; it takes a number, without a unit, like 1",
    ),
    (
        "names as a text",
        "  tone:\n",
        '  path_of: {node: LatentPath, names: "dawn, ember"}\n  tone:\n',
        "case.yaml:9:38  path_of.names: a list was wanted, not 'dawn, ember'; a list stands in brackets: [dawn, ember]",
    ),
    (
        "another space behind a colon between braces",
        "{node: ImageSource,",
        "{node:\u00a0ImageSource,",
        'case.yaml:7:13  "node:\u00a0ImageSource": here stands a space of another kind (U+00A0); type a plain one.',
    ),
    (
        "no nodes",
        None,
        "n2s: 1\n",
        'case.yaml:1:1  A graph needs nodes: "nodes: {name: {node: Type, …}}".',
    ),
    (
        "nodes misspelt",
        "nodes:\n",
        "node:\n",
        'case.yaml:6:1  node: a graph has no such entry. Did you mean "nodes"?',
    ),
    (
        "nodes a list",
        None,
        "n2s: 1\nnodes: [a, b]\n",
        'case.yaml:2:8  A graph needs nodes: "nodes: {name: {node: Type, …}}".',
    ),
    (
        "nodes empty",
        None,
        "n2s: 1\nnodes: {}\n",
        'case.yaml:2:8  A graph needs nodes: "nodes: {name: {node: Type, …}}".',
    ),
    (
        "no version",
        "n2s: 1\n",
        "",
        'case.yaml:1:1  A graph begins with "n2s: 1", the version of its format.',
    ),
    (
        "future version",
        "n2s: 1",
        "n2s: 2",
        'case.yaml:1:6  n2s: version 2 of the format of graphs is none that this n2s reads; write "n2s: 1", or install '
        "a newer n2s: pip install --upgrade n2s",
    ),
    (
        "version a word",
        "n2s: 1",
        "n2s: one",
        "case.yaml:1:6  n2s: version 'one' of the format of graphs is none that this n2s reads; write \"n2s: 1\"",
    ),
    (
        "unknown header",
        "title: Base",
        "titel: Base",
        'case.yaml:2:1  titel: a graph has no such entry. Did you mean "title"?',
    ),
    (
        "duplicate header",
        "title: Base",
        "title: Base\ntitle: Other",
        'case.yaml:3:1  "title" stands here twice; keep one.',
    ),
    (
        "fps zero",
        "fps: 30",
        "fps: 0",
        "case.yaml:3:6  fps: a frame rate lies between 1 and 240, not 0",
    ),
    (
        "fps huge",
        "fps: 30",
        "fps: 1000",
        "case.yaml:3:6  fps: a frame rate lies between 1 and 240, not 1000",
    ),
    (
        "fps a word",
        "fps: 30",
        "fps: fast",
        "case.yaml:3:6  fps: a frame rate is a number or a fraction like 30000/1001, not 'fast'",
    ),
    (
        "fps over zero",
        "fps: 30",
        "fps: 30/0",
        "case.yaml:3:6  fps: a frame rate is a number or a fraction like 30000/1001, not '30/0'",
    ),
    (
        "fps infinite",
        "fps: 30",
        "fps: .inf",
        "case.yaml:3:6  .inf is not a finite number.",
    ),
    (
        "size odd",
        "[64, 64]",
        "[63, 64]",
        "case.yaml:4:7  size: width and height must be even and lie within 16..8192, not 63x64",
    ),
    (
        "size huge",
        "[64, 64]",
        "[100000, 64]",
        "case.yaml:4:7  size: width and height must be even and lie within 16..8192, not 100000x64",
    ),
    (
        "size one number",
        "[64, 64]",
        "[64]",
        "case.yaml:4:7  size: width and height were wanted, whole numbers like [640, 360], not [64]",
    ),
    (
        "size negative",
        "[64, 64]",
        "[-64, 64]",
        "case.yaml:4:7  size: width and height must be even and lie within 16..8192, not -64x64",
    ),
    (
        "size a word",
        "[64, 64]",
        "full",
        "case.yaml:4:7  size: width and height were wanted, whole numbers like [640, 360], not 'full'",
    ),
    (
        "size with a fraction",
        "[64, 64]",
        "[64.5, 64]",
        "case.yaml:4:7  size: width and height were wanted, whole numbers like [640, 360], not 64.5",
    ),
    (
        "duration negative",
        "duration: 1",
        "duration: -1",
        "case.yaml:5:11  duration: it must be above 0, not -1",
    ),
    (
        "duration NaN",
        "duration: 1",
        "duration: .nan",
        "case.yaml:5:11  .nan is not a finite number.",
    ),
    (
        "seed negative",
        "fps: 30",
        "fps: 30\nseed: -1",
        "case.yaml:4:7  seed: it must be at least 0, not -1",
    ),
    (
        "tempo absurd",
        "fps: 30",
        "fps: 30\ntempo: 100000",
        "case.yaml:4:8  tempo: it must be at most 400, not 100000",
    ),
    (
        "unknown type",
        "node: Tone",
        "node: Tnoe",
        'case.yaml:10:11  tone: there is no node type "Tnoe". Did you mean "Tone"?',
    ),
    (
        "type missing",
        "    node: Tone\n",
        "",
        'case.yaml:10:5  tone needs its type: "tone: {node: Type, …}".',
    ),
    (
        "type a number",
        "node: Tone",
        "node: 3",
        'case.yaml:10:5  tone needs its type: "tone: {node: Type, …}".',
    ),
    (
        "node a word",
        "{node: ImageSource, path: picture.png}",
        "picture",
        'case.yaml:7:12  picture needs its type: "picture: {node: Type, …}".',
    ),
    (
        "unknown setting",
        "exposure:",
        "exposrue:",
        'case.yaml:12:5  tone.exposrue: Tone has no such setting. Did you mean "exposure"?',
    ),
    (
        "duplicate setting",
        "    frames: picture\n",
        "    frames: picture\n    frames: picture\n",
        'case.yaml:12:5  "frames" stands here twice; keep one.',
    ),
    (
        "duplicate node",
        "  pulse: {node",
        "  picture: {node",
        'case.yaml:8:3  "picture" stands here twice; keep one.',
    ),
    (
        "unknown link",
        "frames: tone",
        "frames: tnoe",
        'case.yaml:13:35  out.frames: "tnoe" names no node. Did you mean "tone"?',
    ),
    (
        "unknown output",
        "0.5 * pulse",
        "0.5 * pulse.rms",
        'case.yaml:12:15  tone.exposure: "pulse" has no output "rms". There are: signal.',
    ),
    (
        "a component too many",
        "0.5 * pulse",
        "0.5 * picture.0",
        'case.yaml:12:15  tone.exposure takes Signal, but "picture.0" gives Frames.',
    ),
    (
        "wrong kind",
        "frames: picture",
        "frames: pulse",
        'case.yaml:11:13  tone.frames takes Frames, but "pulse" gives Signal.',
    ),
    (
        "picture as a number",
        "= 0.5 * pulse",
        "picture",
        'case.yaml:12:15  tone.exposure takes Signal, but "picture" gives Frames.',
    ),
    (
        "missing port",
        "frames: tone, ",
        "",
        "case.yaml:13:3  out.frames: FFmpegSink needs it: what is shown.",
    ),
    (
        "a sink as a source",
        "frames: picture\n",
        "frames: out\n",
        'case.yaml:11:13  tone.frames takes Frames, but "out" gives Film.',
    ),
    (
        "circle",
        "frames: picture",
        "frames: tone",
        "case.yaml:9:3  These nodes wait for each other in a circle: tone → tone.",
    ),
    (
        "longer circle",
        None,
        "n2s: 1\n"
        "title: Base\n"
        "fps: 30\n"
        "size: [64, 64]\n"
        "duration: 1\n"
        "nodes:\n"
        "  picture: {node: ImageSource, path: picture.png}\n"
        "  pulse: {node: Keyframes, points: [[0, 0], [1, 1]]}\n"
        "  tone:\n"
        "    node: Tone\n"
        "    frames: more\n"
        "    exposure: = 0.5 * pulse\n"
        "  more: {node: Tone, frames: tone}\n"
        "  out: {node: FFmpegSink, frames: tone, path: film.mp4}\n",
        "case.yaml:9:3  These nodes wait for each other in a circle: tone → more → tone.",
    ),
    (
        "name with a space",
        "  pulse:",
        "  the pulse:",
        'case.yaml:8:3  The name "the pulse" is no identifier (letters, digits, _); choose '
        'another, like "the_pulse".\ncase.yaml:12:15  tone.exposure: "pulse" names no node. Did you mean "the pulse"?',
    ),
    (
        "name with a quote",
        "  pulse:",
        '  "pul\'se":',
        'case.yaml:8:3  The name "pul\'se" is no identifier (letters, digits, _); choose '
        'another, like "pul_se".\ncase.yaml:12:15  tone.exposure: "pulse" names no node. Did you mean "pul\'se"?',
    ),
    (
        "name in Unicode",
        "  pulse:",
        "  пульс:",
        'case.yaml:8:3  The name "пульс" is no identifier (letters, digits, _); choose another.\ncase.yaml:12:15 '
        ' tone.exposure: "pulse" names no node. There are: picture, пульс, tone, out.',
    ),
    (
        "name of a function",
        "pulse",
        "sin",
        'case.yaml:8:3  The name "sin" means something in expressions (a function); choose another, like "sin1".',
    ),
    (
        "name of a unit",
        "pulse",
        "beats",
        'case.yaml:8:3  The name "beats" means something in expressions (a unit, as in 2 beats); choose '
        'another, like "beats1".',
    ),
    (
        "name of a variable",
        "pulse",
        "time",
        'case.yaml:8:3  The name "time" means something in expressions (a variable); choose another, like "time1".',
    ),
    (
        "constant out of range",
        "= 0.5 * pulse",
        "99",
        "case.yaml:12:15  tone.exposure: 99 was given; it must be within -8..8",
    ),
    (
        "constant NaN",
        "= 0.5 * pulse",
        ".nan",
        "case.yaml:12:15  .nan is not a finite number.",
    ),
    (
        "constant infinite",
        "= 0.5 * pulse",
        ".inf",
        "case.yaml:12:15  .inf is not a finite number.",
    ),
    (
        "constant true",
        "= 0.5 * pulse",
        "true",
        "case.yaml:12:15  tone.exposure: a number, a signal or an expression was wanted, not true",
    ),
    (
        "constant empty",
        "= 0.5 * pulse",
        "",
        "case.yaml:13:3  tone.exposure: a number, a signal or an expression was wanted, not nothing",
    ),
    (
        "constant a list",
        "= 0.5 * pulse",
        "[1, 2]",
        "case.yaml:12:15  tone.exposure: a number, a signal or an expression was wanted, not [1, 2]",
    ),
    (
        "wrong unit",
        "= 0.5 * pulse",
        "4 beats",
        "case.yaml:12:15  tone.exposure: 4 beats was given, which is a time; it takes a number, in stops, like 0",
    ),
    (
        "unknown unit",
        "= 0.5 * pulse",
        "4 furlongs",
        "case.yaml:12:15  tone.exposure: '4 furlongs' is neither a number, nor \"features.onset\", nor an "
        'expression like "= 0.5 * pulse"; write 4, without a unit; of a time: 4 s, ms, beats or bars',
    ),
    (
        "constant expression out of range",
        "= 0.5 * pulse",
        "= 2 ** 10",
        "case.yaml:12:15  tone.exposure: = 2 ** 10 is 1024; it must be within -8..8.",
    ),
    (
        "unknown function",
        "0.5 * pulse",
        "sine(pulse)",
        "case.yaml:12:15  tone.exposure: in \"= sine(pulse)\": there is no function 'sine'; there are abs, ceil, "
        "clamp, cos, exp, floor, fract, lerp, log, max, min, round, sign, sin, smoothstep, sqrt, step, tan, where",
    ),
    (
        "too few arguments",
        "0.5 * pulse",
        "clamp(pulse)",
        'case.yaml:12:15  tone.exposure: in "= clamp(pulse)": clamp takes 3 arguments, not 1',
    ),
    (
        "open bracket",
        "0.5 * pulse",
        "(0.5 * pulse",
        "case.yaml:12:15  tone.exposure: in \"= (0.5 * pulse\": ')' is missing",
    ),
    (
        "two numbers",
        "0.5 * pulse",
        "0.5 pulse",
        "case.yaml:12:15  tone.exposure: in \"= 0.5 pulse\": 'pulse' is one too many here; an operator was expected",
    ),
    (
        "empty expression",
        "= 0.5 * pulse",
        "=",
        'case.yaml:12:15  tone.exposure: in "= ": a number, a signal or a function was expected at the end',
    ),
    (
        "attribute",
        "0.5 * pulse",
        "pulse.__class__.mro",
        "case.yaml:12:15  tone.exposure: in \"= pulse.__class__.mro\": 'pulse.__class__.mro' is no name of a "
        "node or of its output",
    ),
    (
        "import",
        "0.5 * pulse",
        "__import__(pulse)",
        "case.yaml:12:15  tone.exposure: in \"= __import__(pulse)\": there is no function '__import__'; there "
        "are abs, ceil, clamp, cos, exp, floor, fract, lerp, log, max, min, round, sign, sin, smoothstep, sqrt, "
        "step, tan, where",
    ),
    (
        "a string",
        "0.5 * pulse",
        "'os'",
        'case.yaml:12:15  tone.exposure: in "= \'os\'": "\'" has no meaning in an expression',
    ),
    (
        "lambda",
        "0.5 * pulse",
        "lambda x: x",
        'case.yaml:12:25  This is not YAML: no colon is expected here; behind a name comes ": ", with a space, and '
        "text with a colon is quoted.",
    ),
    (
        "index",
        "0.5 * pulse",
        "pulse[0]",
        "case.yaml:12:15  tone.exposure: in \"= pulse[0]\": '[' has no meaning in an expression",
    ),
    (
        "giant exponent",
        "0.5 * pulse",
        "9 ** 9 ** 9",
        "case.yaml:12:15  tone.exposure: = 9 ** 9 ** 9 is inf; it must be within -8..8.",
    ),
    (
        "giant number",
        "0.5 * pulse",
        "1e999",
        'case.yaml:12:15  tone.exposure: in "= 1e999": 1e999 is too large',
    ),
    (
        "deep brackets",
        "0.5 * pulse",
        "(" * 500 + "1" + ")" * 500,
        'case.yaml:12:15  tone.exposure: in "= ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((…": '
        "an expression has at most 400 words",
    ),
    (
        "long expression",
        "0.5 * pulse",
        "1 + " * 1000 + "1",
        'case.yaml:12:15  tone.exposure: in "= 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + …": '
        "an expression has at most 2000 characters, this one has 4002",
    ),
    (
        "cut expression",
        "{node: FFmpegSink, frames: tone, path: film.mp4}",
        "{node: FFmpegSink, frames: tone, path: film.mp4}\n  v: {node: Vignette, frames: tone, amount: = "
        "clamp(pulse, 0, 1)}",
        'case.yaml:14:45  "= clamp(pulse" is cut at its comma: between { } quote the expression: "= …".',
    ),
    (
        "python tag",
        "= 0.5 * pulse",
        "!!python/object/apply:os.system [ls]",
        "case.yaml:12:15  The tag !!python/object/apply:os.system is not read in graphs; write a plain value.",
    ),
    (
        "own tag",
        "= 0.5 * pulse",
        "!mine 3",
        "case.yaml:12:15  The tag !mine is not read in graphs; write a plain value.",
    ),
    (
        "binary tag",
        "= 0.5 * pulse",
        "!!binary aGk=",
        "case.yaml:12:15  The tag !!binary is not read in graphs; write a plain value.",
    ),
    (
        "aliases",
        None,
        "n2s: 1\na: &a [1, 1]\nnodes: {x: *a}\n",
        "case.yaml:2:4  Aliases (&a, *a) are not read in graphs; write the value again. "
        'Text that begins with "&" needs quotes.',
    ),
    (
        "billion laughs",
        None,
        "n2s: 1\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\nnodes: {n: {node: Tone}}\n",
        "case.yaml:2:4  Aliases (&a, *a) are not read in graphs; write the value again. "
        'Text that begins with "&" needs quotes.\n'
        "case.yaml:3:4  Aliases (&b, *b) are not read in graphs; write the value again. "
        'Text that begins with "&" needs quotes.',
    ),
    (
        "merge key",
        None,
        "n2s: 1\nx: &x {node: Tone}\nnodes: {a: {<<: *x}}\n",
        "case.yaml:2:4  Aliases (&x, *x) are not read in graphs; write the value again. "
        'Text that begins with "&" needs quotes.',
    ),
    (
        "two documents",
        None,
        "n2s: 1\n"
        "title: Base\n"
        "fps: 30\n"
        "size: [64, 64]\n"
        "duration: 1\n"
        "nodes:\n"
        "  picture: {node: ImageSource, path: picture.png}\n"
        "  pulse: {node: Keyframes, points: [[0, 0], [1, 1]]}\n"
        "  tone:\n"
        "    node: Tone\n"
        "    frames: picture\n"
        "    exposure: = 0.5 * pulse\n"
        "  out: {node: FFmpegSink, frames: tone, path: film.mp4}\n"
        "---\n"
        "n2s: 1\n"
        "title: Base\n"
        "fps: 30\n"
        "size: [64, 64]\n"
        "duration: 1\n"
        "nodes:\n"
        "  picture: {node: ImageSource, path: picture.png}\n"
        "  pulse: {node: Keyframes, points: [[0, 0], [1, 1]]}\n"
        "  tone:\n"
        "    node: Tone\n"
        "    frames: picture\n"
        "    exposure: = 0.5 * pulse\n"
        "  out: {node: FFmpegSink, frames: tone, path: film.mp4}\n",
        "case.yaml:14:1  This is not YAML: one file holds one graph, and here a second document begins.",
    ),
    (
        "tab",
        "  tone:",
        "\ttone:",
        "case.yaml:9:1  This is not YAML: here a tab indents the line; YAML wants spaces.",
    ),
    (
        "unclosed brace",
        "path: film.mp4}",
        "path: film.mp4",
        "case.yaml:14:1  This is not YAML: the { in line 13 is not closed; a bracket is missing, or a comma.",
    ),
    (
        "deep lists",
        None,
        "n2s: 1\nnodes: " + "[" * 200 + "]" * 200 + "\n",
        "case.yaml:2:1  The file nests too deep for a graph.",
    ),
    (
        "absolute sink",
        "path: film.mp4",
        "path: /etc/film.mp4",
        'case.yaml:13:47  out.path: "/etc/film.mp4" may not be written: a film\'s path is relative to --out and '
        "stays inside it.",
    ),
    (
        "sink above out",
        "path: film.mp4",
        "path: ../film.mp4",
        'case.yaml:13:47  out.path: "../film.mp4" may not be written: a film\'s path is relative to --out and '
        "stays inside it.",
    ),
    (
        "sink a URL",
        "path: film.mp4",
        "path: 'https://example.org/film.mp4'",
        'case.yaml:13:47  out.path: "https://example.org/film.mp4" may not be written: a film\'s path is '
        "relative to --out and stays inside it.",
    ),
    (
        "sink a protocol",
        "path: film.mp4",
        "path: 'tcp:film.mp4'",
        'case.yaml:13:47  out.path: "tcp:film.mp4" may not be written: a film\'s path is relative to --out and '
        "stays inside it.",
    ),
    (
        "sink a device",
        "path: film.mp4",
        "path: 'pipe:1'",
        'case.yaml:13:47  out.path: "pipe:1" may not be written: a film\'s path is relative to --out and stays '
        "inside it.",
    ),
    (
        "sink empty",
        "path: film.mp4",
        "path: ''",
        'case.yaml:13:47  out.path: "" may not be written: a film\'s path is relative to --out and stays inside it.',
    ),
    (
        "sink backslash",
        "path: film.mp4",
        "path: '..\\\\film.mp4'",
        'case.yaml:13:47  out.path: "..\\\\film.mp4" may not be written: a film\'s path is relative to --out and '
        "stays inside it.",
    ),
    (
        "chunk zero",
        "path: film.mp4",
        "path: film.mp4, chunk: 0",
        "case.yaml:13:64  out.chunk: 0 was given; it must be within 1..100000",
    ),
    (
        "crf a word",
        "path: film.mp4",
        "path: film.mp4, crf: best",
        "case.yaml:13:62  out.crf: a whole number was wanted, not 'best'",
    ),
    (
        "preset unknown",
        "path: film.mp4",
        "path: film.mp4, preset: fastest",
        "case.yaml:13:65  out.preset: did you mean \"faster\"? 'ultrafast', 'superfast', 'veryfast', 'faster', 'fast', "
        "'medium', 'slow' or 'slower' was wanted, not 'fastest'",
    ),
    (
        "depth nine",
        "path: film.mp4",
        "path: film.mp4, depth: 9",
        "case.yaml:13:64  out.depth: 8 or 10 was wanted, not 9",
    ),
    (
        "points out of order",
        "[[0, 0], [1, 1]]",
        "[[1, 0], [0, 1]]",
        "case.yaml:8:36  pulse.points: times must rise; 0 s comes after 1 s",
    ),
    (
        "points ragged",
        "[[0, 0], [1, 1]]",
        "[[0, 0], [1]]",
        "case.yaml:8:36  pulse.points: every point needs a time and the same number of values, like [[0, 0.2], [4, 1]]",
    ),
    (
        "points empty",
        "[[0, 0], [1, 1]]",
        "[]",
        "case.yaml:8:36  pulse.points: every point needs a time and the same number of values, like [[0, 0.2], [4, 1]]",
    ),
    (
        "several at once",
        None,
        "n2s: 1\n"
        "title: Base\n"
        "fps: 0\n"
        "size: [64, 64]\n"
        "duration: 1\n"
        "nodes:\n"
        "  picture: {node: ImageSource, path: picture.png}\n"
        "  pulse: {node: Keyframes, points: [[0, 0], [1, 1]]}\n"
        "  tone:\n"
        "    node: Tone\n"
        "    contrast: 9\n"
        "    frames: picture\n"
        "    exposure: = 0.5 * pulse\n"
        "  out: {node: FFmpegSink, frames: tnoe, path: film.mp4}\n",
        "case.yaml:3:6  fps: a frame rate lies between 1 and 240, not 0\n"
        "case.yaml:11:15  tone.contrast: 9 was given; it must be within 0..4\n"
        'case.yaml:14:35  out.frames: "tnoe" names no node. Did you mean "tone"?',
    ),
    (
        "sub-graph without a file",
        "{node: ImageSource, path: picture.png}",
        "{node: Graph}",
        'case.yaml:7:12  picture: a sub-graph needs its file, "picture: {node: Graph, path: looks/dusk.yaml, …}", '
        'or the name of a look in place of it, "look: liquid".',
    ),
    (
        "sub-graph with a file and a look",
        "{node: ImageSource, path: picture.png}",
        "{node: Graph, path: looks/dusk.yaml, look: liquid}",
        "case.yaml:7:12  picture: path names the file of a sub-graph, look one that comes with n2s; "
        "give one, not both.",
    ),
    (
        "sub-graph missing",
        "{node: ImageSource, path: picture.png}",
        "{node: Graph, path: nowhere.yaml}",
        "case.yaml:7:32  picture: FOLDER/nowhere.yaml: There is no such file. Check the path.",
    ),
    (
        "itself as a sub-graph",
        "{node: ImageSource, path: picture.png}",
        "{node: Graph, path: case.yaml}",
        "case.yaml:7:32  picture: these graphs include each other in a circle: case.yaml → case.yaml.",
    ),
    (
        "interface wrong",
        None,
        "interface: {colour: 1}\n"
        "n2s: 1\n"
        "title: Base\n"
        "fps: 30\n"
        "size: [64, 64]\n"
        "duration: 1\n"
        "nodes:\n"
        "  picture: {node: ImageSource, path: picture.png}\n"
        "  pulse: {node: Keyframes, points: [[0, 0], [1, 1]]}\n"
        "  tone:\n"
        "    node: Tone\n"
        "    frames: picture\n"
        "    exposure: = 0.5 * pulse\n"
        "  out: {node: FFmpegSink, frames: tone, path: film.mp4}\n",
        "case.yaml:1:12  interface.outputs: this is needed.\ncase.yaml:1:21  interface.colour: an interface has "
        "no such entry.",
    ),
]
