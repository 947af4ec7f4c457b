import subprocess
import sys

WITHOUT_RUNTIME = """
import sys
from importlib.machinery import PathFinder

class WithoutRuntime(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] == "onnxruntime" else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutRuntime
"""


def test_without_a_runtime_one_line_says_what_to_install(photo_file):
    code = f"{WITHOUT_RUNTIME}\nfrom stylecore.cli import main\nsys.exit(main())"
    command = [sys.executable, "-c", code, "stylize", str(photo_file), "--style", "mosaic"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: painting needs ONNX Runtime, which is not installed: pip install 'impasto[cpu]', "
        "or 'impasto[gpu]' for an NVIDIA GPU\n"
    )
