"""Nothing that is there is lost by a file that somebody names."""

from __future__ import annotations

import stat

import pytest

from checks.new_files import check_new, write_closed
from checks.problem import InputError


def test_whatever_would_be_lost_or_cannot_be_written_is_refused_before_anything_is_written(tmp_path):
    data, run = tmp_path / "data.csv", tmp_path / "v1"
    data.write_text("x")
    run.mkdir()
    (run / "run.json").write_text("{}")
    (tmp_path / "link.csv").symlink_to(tmp_path / "elsewhere.csv")
    (tmp_path / "same.csv").hardlink_to(data)
    new = tmp_path / "new.csv"
    for files, force, expected in (
        ({"--out": new, "--by-entity": tmp_path / "v1" / ".." / "new.csv"}, True, "named twice"),
        ({"--out": data}, True, "must not be written over"),
        ({"--out": tmp_path / "same.csv"}, True, "must not be written over"),
        ({"--out": run / "rows.csv"}, True, "finished run"),
        ({"--out": tmp_path / "link.csv"}, True, "link"),
        ({"--out": tmp_path}, True, "folder"),
        ({"--out": new, "--by-entity": tmp_path / "no" / "x.csv"}, True, "not there"),
    ):
        with pytest.raises(InputError, match=expected):
            check_new(files, force, [data])
    new.write_text("old")
    with pytest.raises(InputError, match="--force"):
        check_new({"--out": new}, False)
    check_new({"--out": new, "--by-entity": None}, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.csv", "link.csv", "new.csv", "same.csv", "v1"]


def test_files_are_closed_to_others_and_none_is_written_where_one_cannot_be(tmp_path):
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text("old")
    write_closed({one: "a\n", two: "ä\n"})
    assert (one.read_text(), two.read_text(encoding="utf-8")) == ("a\n", "ä\n")
    assert {stat.S_IMODE(file.stat().st_mode) for file in (one, two)} == {0o600}
    with pytest.raises(OSError, match="no"):
        write_closed({one: "b", tmp_path / "no" / "x.csv": "b"})
    assert one.read_text() == "a\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.csv", "two.csv"]
