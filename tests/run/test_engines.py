"""The forked engine: the outputs of papermill's own, nothing handed on from notebook to notebook, nothing left running."""

from __future__ import annotations

import ast
import builtins
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest

from workbook.errors import DeliveryError, Problem, SettingsError, StageFailed, UsageError
from workbook.places import notebooks_folder
from workbook.run import kernel
from workbook.run.canonical import canonical_notebook
from workbook.run.child import Child, Died, apart
from workbook.run.failures import plain
from workbook.run.kernel import StageStopped
from workbook.run.limits import ENGINES, Limits, check_engine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forking is for Linux")

BOTH = pytest.mark.parametrize("engine", ENGINES)


@dataclass(frozen=True)
class Bench:
    """Executes cells as a stage is executed."""

    folder: Path

    def run(self, *cells: str, engine: str = "fork", timeout: float | None = 60.0, memory: int | None = None) -> Any:
        """The executed notebook as JSON."""
        source, output = self.folder / "1_cells.ipynb", self.folder / "out.ipynb"
        output.unlink(missing_ok=True)
        parameters = nbformat.v4.new_code_cell(
            'client = ""\nperiod = ""\noverrides = {}', id="parameters", metadata={"tags": ["parameters"]}
        )
        rest = [nbformat.v4.new_code_cell(words, id=f"cell-{i}") for i, words in enumerate(cells)]
        kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(nbformat.v4.new_notebook(cells=[parameters, *rest], metadata={"kernelspec": kernelspec}), source)
        kernel.execute(
            source,
            output,
            {"client": "tiny", "period": "2025Q4", "overrides": {}},
            kernel.surroundings(self.folder, self.folder, self.folder / "scratch"),
            self.folder,
            engine,
            Limits(timeout, memory),
        )
        return canonical_notebook(json.loads(output.read_text("utf-8")), {})


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def outputs(notebook: Any) -> list[Any]:
    return [cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"]


def text(notebook: Any) -> str:
    """All that the notebook printed."""
    return "".join("".join(o["text"]) for cell in outputs(notebook) for o in cell if o["output_type"] == "stream")


def gone(pid: int) -> bool:
    """Whether a process ends within two seconds."""
    for _ in range(40):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


MANNERS = (
    "import sys, os\nprint('one'); print('two', file=sys.stderr); print('three')\n1 + 1",
    "from IPython.display import display, HTML, clear_output\nprint('a'); display(HTML('<b>b</b>')); print('c'); {'d': 1}",
    "shown = display('first', display_id='x')\ndisplay('other')",
    "shown.update('second'); display('in the same cell', display_id='y').update('changed')",
    "print('gone'); clear_output(); print('kept'); clear_output(wait=True); print('last')",
    "import pandas as pd\npd.DataFrame({'a': [1, 2], '名': ['x', 'y']})",
    "from matplotlib.figure import Figure\nf = Figure(figsize=(1, 1)); f.subplots().plot([1, 2]); f",
    "os.system('echo from a program') and None",
    "!echo shell",
    "%%capture held\nprint('captured')",
    "held.stdout, _, In[2][:6], Out[2] if 2 in Out else None",
    "await __import__('asyncio').sleep(0, 'awaited')",
    "# nothing to show\nNone",
    "def f():\n    return 1 / 0\nobject()",
    "sys.stdout.isatty(), __name__, type(get_ipython().history_manager.enabled).__name__",
)


def test_outputs_are_those_of_a_kernel(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # or a kernel does not take what programs write
    monkeypatch.setattr(builtins, "_", None, raising=False)  # as a doctest in this process leaves it
    ours, kernels = bench.run(*MANNERS), bench.run(*MANNERS, engine="papermill")
    for source, one, other in zip(("parameters", "injected", *MANNERS), outputs(ours), outputs(kernels), strict=True):
        assert one == other, source
    assert ours == kernels


def test_an_error_is_kept_and_told_as_a_kernel_tells_it(bench: Bench) -> None:
    told = []
    for engine in ENGINES:
        with pytest.raises(StageStopped) as stopped:
            bench.run("print('before')", "def f():\n    return 1 / 0\nf()", "print('never')", engine=engine)
        kept = canonical_notebook(json.loads((bench.folder / "out.ipynb").read_text("utf-8")), {})
        for cell in outputs(kept):
            for output in cell:
                output["traceback"] = [plain("\n".join(output["traceback"])).splitlines()[-1]] if "traceback" in output else []
        told.append((stopped.value.failure, outputs(kept)))
    assert told[0] == told[1]
    assert told[0][0].cell == "In [4]"
    assert told[0][0].summary.splitlines()[3] == "  error     ZeroDivisionError: division by zero"


def test_papermill_finds_the_engine_by_its_name(bench: Bench) -> None:
    bench.run("pid = 1")
    command = [Path(sys.executable).parent / "papermill", "--engine", "fork", "1_cells.ipynb", "again.ipynb"]
    done = subprocess.run(command, cwd=bench.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert nbformat.read(bench.folder / "again.ipynb", 4).cells[-1].execution_count == 2


def test_figures_left_open_and_warnings_show_as_in_a_kernel(bench: Bench) -> None:
    warning = "import warnings; warnings.warn('careful')"
    bench.run(
        warning, "import matplotlib.pyplot as plt\nplt.figure(figsize=(1, 1)).gca().plot([1, 2])\nplt.rcParams['backend']"
    )
    environment = {name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "PYTEST_CURRENT_TEST")}
    shown = []
    for engine in ("fork", "nbclient"):
        command = [Path(sys.executable).parent / "papermill", "--engine", engine, "1_cells.ipynb", f"{engine}.ipynb"]
        subprocess.run(command, cwd=bench.folder, env=environment, check=True, capture_output=True)
        shown.append(outputs(canonical_notebook(nbformat.read(bench.folder / f"{engine}.ipynb", 4), {}))[-2:])
    assert shown[0] == shown[1]
    assert "UserWarning: careful" in shown[0][0][0]["text"]
    assert "image/png" in shown[0][1][-1]["data"]


def test_the_parent_imports_what_the_notebooks_import() -> None:
    from workbook.run.preload import PRELOADED

    imported = set()
    for path in sorted(notebooks_folder().glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            for node in ast.walk(ast.parse("".join(cell["source"]) if cell["cell_type"] == "code" else "")):
                if isinstance(node, ast.ImportFrom) and node.module:
                    names = [f"{node.module}.{alias.name}" for alias in node.names]
                    folder = Path(kernel.__file__).parents[2].joinpath(*node.module.split("."))
                    imported |= set(names) if folder.is_dir() else {node.module}
                elif isinstance(node, ast.Import):
                    imported |= {alias.name for alias in node.names}
    assert {name for name in PRELOADED if name.startswith("workbook.")} == imported
    assert list(PRELOADED) == sorted(PRELOADED)


DIRTY = """
import builtins, os, random, signal, sys, threading, numpy as np, pandas as pd, matplotlib.pyplot as plt, matplotlib as mpl
import workbook.book, workbook.tables, decimal, locale, warnings, tempfile
workbook.book.left_behind = builtins.left_behind = 1
workbook.tables.SCHEMAS['left'] = {}
mpl.rcParams['figure.dpi'] = 321
pd.set_option('display.max_rows', 3)
random.seed(1); np.random.seed(1)
os.environ['LEFT_BEHIND'] = '1'; os.environ['WORKBOOK_HOME'] = '/nowhere'
os.makedirs('elsewhere', exist_ok=True); os.chdir('elsewhere')
opened = open('left', 'w')
plt.figure()
sys.path.insert(0, '/left')
signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGINT, signal.SIG_IGN)
threading.Thread(target=threading.Event().wait, daemon=True).start()
decimal.getcontext().prec = 3
warnings.simplefilter('error')
os.umask(0o077)
left_behind = get_ipython().left_behind = 1
"""

FACTS = """
import builtins, decimal, json, os, signal, sys, threading, warnings, pandas as pd, matplotlib as mpl, matplotlib.pyplot as plt
import workbook.book, workbook.tables
umask = os.umask(0); os.umask(umask)
print(json.dumps([
    hasattr(workbook.book, 'left_behind'), hasattr(builtins, 'left_behind'), 'left_behind' in globals(),
    hasattr(get_ipython(), 'left_behind'), 'left' in workbook.tables.SCHEMAS, mpl.rcParams['figure.dpi'],
    pd.get_option('display.max_rows'), sorted(os.environ.items()), os.getcwd(),
    sorted(n for n in os.listdir('/proc/self/fd')), plt.get_fignums(), sys.path, umask, get_ipython().execution_count,
    str(signal.getsignal(signal.SIGTERM)), str(signal.getsignal(signal.SIGINT)), threading.active_count(),
    decimal.getcontext().prec, warnings.filters[:1] == [('error', None, Warning, None, 0)],
]))
"""

RANDOM = "import random, numpy as np\nprint(random.random(), np.random.rand(), np.random.default_rng().random())"


def test_nothing_passes_from_one_notebook_to_the_next(bench: Bench) -> None:
    before = text(bench.run(FACTS))
    cwd, environment, path = Path.cwd(), dict(os.environ), list(sys.path)
    bench.run(DIRTY)
    assert text(bench.run(FACTS)) == before
    assert (Path.cwd(), dict(os.environ), sys.path) == (cwd, environment, path)


def test_a_notebook_may_import_the_grammar_that_the_run_does_without() -> None:
    words = (
        "from workbook.run.steady import restore_the_grammar, spare_the_grammar\nspare_the_grammar()\n"
        "import nbformat\ntry:\n    import rfc3987_syntax\nexcept ImportError:\n    print('spared')\n"
        "restore_the_grammar()\nimport rfc3987_syntax\nprint('restored')\n"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout == "spared\nrestored\n"


def test_two_notebooks_draw_different_random_numbers(bench: Bench) -> None:
    one, other = (text(bench.run(RANDOM)).split() for _ in range(2))
    assert len(set(one) & set(other)) == 0


def test_one_thread_even_where_the_parent_began_with_more(bench: Bench) -> None:
    words = "from threadpoolctl import threadpool_info\nimport sklearn\nprint({p['num_threads'] for p in threadpool_info()})"
    assert text(bench.run(words)) == "{1}\n"


@BOTH
def test_a_cell_that_never_ends_is_stopped_at_the_limit_with_all_it_started(bench: Bench, engine: str) -> None:
    started = "import subprocess, pathlib\np = subprocess.Popen(['sleep', '1000'])\npathlib.Path('pid').write_text(str(p.pid))"
    begun = time.monotonic()
    with pytest.raises(StageStopped, match=r"TimeLimit: .* still at work after 2 s, the limit \(--timeout\), and was stopped"):
        bench.run(started, "while True: pass", engine=engine, timeout=2.0)
    assert time.monotonic() - begun < 30
    if engine == "fork":
        assert gone(int((bench.folder / "pid").read_text()))
        assert "TimeLimit" in (bench.folder / "out.ipynb").read_text("utf-8")


@pytest.mark.parametrize(
    ("cell", "how"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL, most often because the machine has run out"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV, a fault in a library"),
        ("import os; os._exit(7)", "ended by itself with exit code 7"),
    ],
)
def test_a_process_that_dies_is_told_with_its_cell(bench: Bench, cell: str, how: str) -> None:
    with pytest.raises(StageStopped) as stopped:
        bench.run("1", cell)
    assert stopped.value.failure.error == "NotebookDied"
    assert how in stopped.value.failure.message
    assert stopped.value.failure.cell == "In [4]"


def test_a_notebook_that_takes_more_memory_than_it_may_fails_at_its_cell(bench: Bench) -> None:
    assert text(bench.run("a = bytearray(100_000_000)\nprint(len(a))", memory=300)) == "100000000\n"
    with pytest.raises(StageStopped) as stopped:
        bench.run("a = bytearray(100_000_000)", "b = [bytearray(10_000_000) for _ in range(1000)]", memory=300)
    assert stopped.value.failure.error == "MemoryError"
    assert stopped.value.failure.cell == "In [4]"


def test_the_engine_must_exist_and_be_able_to_do_what_is_asked() -> None:
    with pytest.raises(UsageError, match="found 'quantum', expected fork or papermill"):
        check_engine("quantum", Limits())
    with pytest.raises(UsageError, match="expected fork, which alone can keep it"):
        check_engine("papermill", Limits(memory=500))


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    words = (
        "import time; from pathlib import Path; from workbook.run.child import Child\n"
        "with Child(lambda send: time.sleep(1000), {}) as child:\n"
        "    Path('pid').write_text(str(child.pid))\n    time.sleep(1000)"
    )
    parent = subprocess.Popen([sys.executable, "-c", words], cwd=tmp_path)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.05)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_stop_of_the_parent_ends_the_child_and_what_it_started(tmp_path: Path) -> None:
    def work(send: Callable[[bytes], None]) -> None:
        send(str(subprocess.Popen(["sleep", "1000"]).pid).encode())
        time.sleep(1000)

    with pytest.raises(KeyboardInterrupt), Child(work, {}) as child:
        inner = int(child.receive(10))
        raise KeyboardInterrupt
    assert gone(child.pid) and gone(inner)


def test_work_done_apart_gives_its_result_or_its_error_and_leaves_the_parent_as_it_was() -> None:
    def fail(error: Exception) -> None:
        raise error

    seen: list[int] = []
    assert apart(lambda: (seen.append(1), len(seen))[1]) == 1
    assert seen == []
    problems = [Problem("a.yaml", 1, "key", "'x'", "a number"), Problem("a.yaml", 2, "key", "'y'", "a number")]
    with pytest.raises(SettingsError) as settings:
        apart(fail, SettingsError(problems))
    assert settings.value.details == problems
    with pytest.raises(DeliveryError) as delivery:
        apart(fail, DeliveryError(["one", "two"]))
    assert delivery.value.problems == ["one", "two"]
    with pytest.raises(StageFailed, match="as said"):
        apart(fail, StageFailed("as said"))
    with pytest.raises(Died, match="exit code 5"):
        apart(os._exit, 5)
    assert papermill.__name__ in sys.modules
