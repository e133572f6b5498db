"""Lines and files that are whole or not there, with disks and limits that refuse for real."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.runtime.files import append_line, drop_lines, whole_file
from flows.destruction import whole_words

LINE = json.dumps({"tekst": "é" * 300}, ensure_ascii=False)


def _whole(file: Path) -> int:
    content = file.read_bytes()
    assert content.endswith(b"\n") or not content
    return len([json.loads(line) for line in content.decode().splitlines()])


def test_a_full_disk_keeps_every_line_whole_and_says_no_to_the_rest(small_disk: Path) -> None:
    """What was accepted is there, what was refused is not, and with room again it goes on."""
    file = small_disk / "berichten.jsonl"
    filler = small_disk / "vulling"
    filler.write_bytes(b"x" * 40_000)
    accepted = 0
    for _ in range(200):
        try:
            append_line(file, LINE)
            accepted += 1
        except OSError:
            pass
    assert 0 < accepted < 200
    assert _whole(file) == accepted
    filler.unlink()
    append_line(file, LINE)
    assert _whole(file) == accepted + 1


def test_a_limit_on_files_is_kept_the_same_way(tmp_path: Path) -> None:
    """A process that may write no further (RLIMIT_FSIZE) leaves whole lines, and exits on the refusal."""
    file = tmp_path / "berichten.jsonl"
    program = (
        "import sys; from pathlib import Path; from adapters.runtime.files import append_line\n"
        "for _ in range(100): append_line(Path(sys.argv[1]), sys.argv[2])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(file), LINE],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)),
    )
    assert "File too large" in done.stderr
    assert _whole(file) == 10_000 // (len(LINE.encode()) + 1)


def test_what_a_dead_writer_left_half_is_taken_away(tmp_path: Path) -> None:
    """The next line stands on its own; what was whole stays."""
    file = tmp_path / "berichten.jsonl"
    append_line(file, LINE)
    with file.open("ab") as torn:
        torn.write(b'{"tekst": "hal' + b"f" * 9000)
    append_line(file, LINE)
    assert _whole(file) == 2


def test_writers_at_the_same_time_do_not_mix(tmp_path: Path) -> None:
    """Every line of eight writers is there, once and whole."""
    file = tmp_path / "berichten.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: append_line(file, LINE), range(200)))
    assert _whole(file) == 200


def test_a_file_gets_its_name_when_it_is_whole(small_disk: Path) -> None:
    """A disk that is full half way leaves the file of before, and nothing beside it."""
    target = small_disk / "levering.json"
    target.write_text("oud")
    with pytest.raises(OSError, match="space"), whole_file(target) as file:
        file.writelines("x" * 1000 for _ in range(200))
    assert [path.name for path in small_disk.iterdir()] == ["levering.json"]
    assert target.read_text() == "oud"


def test_lines_are_taken_out_and_the_next_is_added_behind_the_rest(tmp_path: Path) -> None:
    """What is kept stays in its order, and nothing of the other lines is in the file."""
    file = tmp_path / "regels"
    for line in ("een", "twee", "drie"):
        append_line(file, line)
    assert drop_lines(file, lambda line: line.startswith("twee")) == 1
    append_line(file, "vier")
    assert file.read_text() == "een\ndrie\nvier\n"
    assert drop_lines(file, lambda _: False) == 0
    assert drop_lines(tmp_path / "nergens", lambda _: True) == 0


def test_only_whole_references_are_found_in_a_text() -> None:
    """A case whose reference begins with that of another keeps its lines."""
    names = whole_words(["A-1", "B.2"])
    assert all(names.search(text) for text in ('"zaak": "A-1"', "Zaak A-1, M3", "B.2", "Dit is A-1."))
    assert not any(names.search(text) for text in ("A-12", "XA-1", "A-1.b", "Bx2"))
    assert not whole_words([]).search("")
