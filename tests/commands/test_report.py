"""``report``: one page of HTML from the files of runs, or one clear line."""

from __future__ import annotations

import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from sandbox.__main__ import main
from sandbox.core.runs import create_run
from tests.ui.reported import HARM, agent, film, picture

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(runs_root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Pages of several runs are written into the working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(capsys: Captured, *words: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["report", *words, "--as-is", "--json"]) == code
    return json.loads(capsys.readouterr().out)


class Parsed(HTMLParser):
    """Tags with their attributes, and all texts, as a browser would find them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(capsys: Captured, *words: str) -> Parsed:
    return Parsed(Path(answer(capsys, *words)["path"]).read_text(encoding="utf-8"))


def test_a_run_gets_a_page_in_its_folder(runs_root: Path, capsys: Captured) -> None:
    run = agent(runs_root, n_steps=16)
    film(run)
    picture(run)
    result = answer(capsys, "one")
    assert (result["schema"], result["figures"], result["videos"]) == ("sandbox.report/1", 2, 1)
    assert Path(result["path"]).resolve() == (run.path / "report.html").resolve()
    assert result["sections"] == [{"anchor": "run-1", "title": "PPO on CartPole-v1"}]
    assert result["bytes"] == (run.path / "report.html").stat().st_size
    page = Parsed((run.path / "report.html").read_text(encoding="utf-8"))
    titles = ["What was asked", "How it went", "What came out", "How to repeat it"]
    assert [text for text in page.texts if text in titles] == titles
    for wanted in (
        "0123456789abcdef, and changes that were not committed",
        "95 %: 486.1 to 493.9, 100 episodes",
        "after 3,000 steps, 1.5 s",
        "ba89",
    ):
        assert wanted in page.texts
    commands = " ".join(text for text in page.texts if text)
    assert "python -m sandbox train-agent CartPole" in commands
    assert "python -m sandbox train-agent --config runs/one/config.toml" in commands
    assert len(page.all("video")) == 1
    assert all(one.get("alt") for one in page.all("img"))
    assert all(one.get("aria-label") for one in page.all("svg") if "aria-hidden" not in one)


def test_the_config_is_told_as_what_differs_from_the_preset(runs_root: Path, capsys: Captured) -> None:
    agent(runs_root, n_steps=16)
    texts = page_of(capsys, "one").texts
    row = texts.index("settings.n_steps")
    assert [text for text in texts[row + 1 : row + 4] if text] == ["16", "32"]
    assert "settings.learning_rate" in texts  # the file leaves it out: nobody knows what it was
    assert "seed" not in texts[row - 4 : row]


def test_nothing_is_loaded_from_elsewhere(runs_root: Path, capsys: Captured) -> None:
    film(agent(runs_root))
    page = page_of(capsys, "one")
    assert not page.all("script")
    for tag in ("img", "video", "link"):
        for one in page.all(tag):
            for name in ("src", "poster", "href"):
                assert str(one.get(name, "data:")).startswith("data:")
    policy = next(one["content"] for one in page.all("meta") if one.get("http-equiv"))
    assert policy is not None
    assert "default-src 'none'" in policy


def test_what_strangers_wrote_is_text(runs_root: Path, capsys: Captured) -> None:
    run = agent(runs_root, parent=HARM, command=["python", HARM], n_steps=f'"{HARM}"'.replace('"x"', "'x'"))
    run.update(subject=HARM, created=HARM, status=HARM, evaluation={HARM: HARM, "mean": 1.0})
    lines = run.metrics_path.read_text(encoding="utf-8").replace("train/loss", "train/<b onload=x>loss")
    run.metrics_path.write_text(lines, encoding="utf-8")
    try:
        picture(run, "plots/<svg onload=alert(1)>.png")
    except OSError:
        pytest.skip("this file system has no such names")
    path = Path(answer(capsys, "one")["path"])
    page = Parsed(path.read_text(encoding="utf-8"))
    assert not page.all("script")
    assert not [
        attributes for _, attributes in page.tags if any(name.startswith("on") for name in attributes)
    ]
    assert HARM in page.texts  # as words to be read
    assert not page.all("b")


def test_several_runs_are_compared(runs_root: Path, capsys: Captured) -> None:
    for seed in range(3):
        agent(runs_root, f"ours-{seed}", seed=seed, n_steps=32)
    agent(runs_root, "other", n_steps=64)
    result = answer(capsys, "*")
    assert result["path"] == "report-CartPole-v1.html"
    assert len(result["runs"]) == 4
    assert [section["anchor"] for section in result["sections"]] == [
        "task-1",
        *(f"run-{n}" for n in range(1, 5)),
    ]
    page = Parsed(Path(result["path"]).read_text(encoding="utf-8"))
    assert "n_steps=32 (3 seeds, indicative)" in page.texts
    assert "490 [490, 490]" in page.texts
    assert "3 of 3" in page.texts
    text = Path(result["path"]).read_text(encoding="utf-8")
    assert 'class="band c0 d0"' in text
    assert {one["id"] for one in page.all("h2") if "id" in one} == {
        one["anchor"] for one in result["sections"]
    }


def test_runs_of_different_tasks_stand_below_each_other(runs_root: Path, capsys: Captured) -> None:
    for name, env in (("a", "CartPole-v1"), ("b", "CartPole-v1"), ("c", "Acrobot-v1")):
        agent(runs_root, name, env=env, seed=ord(name))
    result = answer(capsys, "a", "b", "c")
    assert result["path"] == "report.html"
    assert [section["title"] for section in result["sections"]] == [
        "PPO on CartPole-v1: 2 runs compared",
        "PPO on CartPole-v1, seed 97",
        "PPO on CartPole-v1, seed 98",
        "PPO on Acrobot-v1, seed 99",
    ]


def test_runs_that_have_nothing_in_common_are_all_there(runs_root: Path, capsys: Captured) -> None:
    agent(runs_root, "a")
    agent(runs_root, "b", env="Acrobot-v1")
    result = answer(capsys, "a", "b")
    ids = {one["id"] for one in Parsed(Path(result["path"]).read_text(encoding="utf-8")).all("h2")}
    assert ids == {"run-1", "run-2"} == {section["anchor"] for section in result["sections"]}


def test_damage_is_told_on_the_page(runs_root: Path, capsys: Captured) -> None:
    run = agent(runs_root)
    run.config_path.write_text("= =")
    run.manifest_path.write_text("{")
    film(run).write_bytes(b"no video")
    picture(run).write_bytes(b"no picture")
    result = answer(capsys, "one")
    assert (result["figures"], result["videos"]) == (0, 0)
    assert any("settings cannot be read" in note for note in result["notes"])
    texts = Parsed((run.path / "report.html").read_text(encoding="utf-8")).texts
    assert "play.mp4 is not shown: it is damaged, or no video." in texts
    assert "saliency.png is not shown: it is damaged, or no picture." in texts
    assert any("manifest.json" in text for text in texts)


def test_a_run_that_has_only_begun(runs_root: Path, capsys: Captured) -> None:
    run = create_run(runs_root, "train-agent", "CartPole-v1", 0, "ppo", "new", env="CartPole-v1", algo="ppo")
    with run.lock():
        notes = answer(capsys, "new")["notes"]
    assert "There are no curves: nothing is logged yet." in notes


def test_a_kind_that_nobody_knows_shows_what_lies_there(runs_root: Path, capsys: Captured) -> None:
    run = agent(runs_root)
    run.update(kind="somebody-elses")
    picture(run)
    result = answer(capsys, "one")
    assert result["figures"] == 1
    assert any("kind of run" in note for note in result["notes"])


def test_the_chain_of_parents(runs_root: Path, capsys: Captured) -> None:
    agent(runs_root, "grandparent", parent="gone")
    agent(runs_root, "parent", parent="grandparent")
    agent(runs_root, "child", parent="parent")
    texts = page_of(capsys, "child").texts
    assert texts.index("parent") < texts.index("grandparent") < texts.index("gone")
    assert any("mean 490" in text and "runs/parent" in text for text in texts)


def test_parents_in_a_circle_end_somewhere(runs_root: Path, capsys: Captured) -> None:
    agent(runs_root, "one", parent="two")
    agent(runs_root, "two", parent="one")
    assert "two" in page_of(capsys, "one").texts


def test_the_page_can_go_elsewhere_and_says_what_it_replaces(runs_root: Path, capsys: Captured) -> None:
    agent(runs_root)
    words = ["report", "one", "--as-is", "--html", "pages/mine.html"]
    assert main(words) == 0
    assert re.fullmatch(r"page   pages/mine.html \(\d+ kB\)\n", capsys.readouterr().out)
    assert main(words) == 0
    assert capsys.readouterr().out.endswith(" kB, replaced)\n")


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["report"], 2, "report needs a RUN"),
        (["report", "nothing"], 4, "no run matches 'nothing'"),
        (["report", "one", "--html", "page.pdf"], 2, "--html must end in .html"),
        (["report", "one", "--by", "n_steps"], 2, "compare several runs, and this is one"),
    ],
)
def test_refusals(runs_root: Path, capsys: Captured, words: list[str], code: int, line: str) -> None:
    agent(runs_root)
    assert main(words) == code
    errors = capsys.readouterr().err
    assert line in errors
    assert len(errors.splitlines()) <= 2


def test_a_damaged_run_json_and_a_closed_folder(runs_root: Path, capsys: Captured) -> None:
    run = agent(runs_root)
    Path("closed").write_text("a file")
    assert main(["report", "one", "--as-is", "--html", "closed/page.html"]) == 7
    if os.geteuid():
        run.path.chmod(0o500)
        assert main(["report", "one", "--as-is"]) == 7
        run.path.chmod(0o700)
    (run.path / "run.json").write_text("{")
    assert main(["report", "one"]) == 4
    assert "damaged" in capsys.readouterr().err


def test_an_agent_is_filmed_where_there_is_no_video_yet(runs_root: Path, capsys: Captured) -> None:
    words = ["--steps", "512", "--envs", "4", "--set", "n_steps=16", "--name", "one", "--quiet"]
    assert main(["train-agent", "CartPole", *words]) == 0
    for _ in range(2):
        capsys.readouterr()
        assert main(["report", "one", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["videos"] == 1
        videos = list((runs_root / "one" / "videos").iterdir())
        assert [path.name for path in videos] == ["report-step-000000000512.mp4"]
    texts = Parsed((runs_root / "one" / "report.html").read_text(encoding="utf-8")).texts
    assert {"steps", "envs", "settings.n_steps"} <= set(texts)
    assert not {"settings.gamma", "settings.learning_rate", "policy", "env"} & set(texts)
    assert "the best checkpoint, after 512 steps, acts greedily" in " ".join(texts)


def test_a_model_draws_what_it_has_not_drawn_yet(runs_root: Path, capsys: Captured) -> None:
    options = ["--steps", "10", "--set", "eval_every=10", "--threads", "1", "--name", "one", "--quiet"]
    assert main(["train-generator", "vae", "digits", *options]) == 0
    capsys.readouterr()
    assert main(["report", "one", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["figures"], result["notes"]) == (4, [])
    texts = Parsed((runs_root / "one" / "report.html").read_text(encoding="utf-8")).texts
    row = texts.index("fit.steps")
    assert [text for text in texts[row + 1 : row + 4] if text] == ["10", "1,825"]
    assert "fit.eval_every" in texts
    assert not {"fit.log_every", "latent"} & set(texts)  # it follows from the steps how often is logged


def test_a_classifier_shows_where_it_goes_wrong(runs_root: Path, capsys: Captured) -> None:
    options = ["--model", "linear", "--steps", "10", "--threads", "1", "--name", "one", "--quiet"]
    assert main(["train-classifier", "digits", *options]) == 0
    capsys.readouterr()
    assert main(["report", "one", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"] == 3
    text = (runs_root / "one" / "report.html").read_text(encoding="utf-8")
    assert "Matrix of 10 true classes against 10 answers" in text
