"""The native code behind the embedding gets nothing that could make it write where it must not."""

import os
import subprocess
import sys

#: Every sign there is, many times, through the native tokeniser; the allocator looks for damage.
EVERY_SIGN = """
import sys, unicodedata
from northlight_engine.embedding import _model, _safe, embed
for code in range(sys.maxunicode + 1):
    if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co"):
        _model().token_count(_safe(chr(code) * 60), True)
grown = [chr(code) for code in range(sys.maxunicode + 1)
         if len(unicodedata.normalize("NFKC", chr(code))) > 3]
assert "\\ufdfa" in grown
for start in range(0, len(grown), 20):
    embed("".join(sign * 20 for sign in grown[start:start + 20]))
embed("\\ufdfa" * 2_000)
embed("\\0" * 2_000)
print("whole")
"""


def test_no_sign_breaks_the_native_code() -> None:
    environ = {**os.environ, "MALLOC_CHECK_": "3", "MALLOC_PERTURB_": "165"}
    ran = subprocess.run(
        [sys.executable, "-c", EVERY_SIGN], env=environ, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "whole\n"), ran.stderr[-500:]
