"""The detectors of text: the headline, thresholds, attacks, languages, authors, cost; as JSON.

    verascope train text --corpus ../shared/corpora/text --out runs/text --refit
    verascope train text-head --corpus ../shared/corpora/text --out runs/text-head --refit
    python -m benchmarks.text --corpus ../shared/corpora/text --runs runs/text runs/text-head \
        --json benchmarks/results/text.json --scores benchmarks/results/text-scores.csv
    python -m benchmarks.text --cost --json benchmarks/results/text-cost.json

Figures of dev are of fits on train alone, which are in the runs' scores.csv; so are thresholds. The
headline leaves out rewrites of people's texts and the people's texts that were rewritten, and
translations. What is measured with the shipped models, which were fitted on dev too, says so.
"""

import argparse
import csv
import json
import random
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from verascope.detect import registry, text_windows
from verascope.detect.language import language
from verascope.media.clean_text import LOOK_ALIKES, clean
from verascope.result import OperatingPoint
from verascope.scan.authors import stretched
from verascope.train import evaluate, report, text_nulls
from verascope.train.evaluate import Floats, figure, rate
from verascope.train.nulls import transferred
from verascope.train.report import Scored
from verascope.train.scores import SCORES
from verascope.train.text import settle
from verascope.train.text_corpus import TextItem, covered, read_texts
from verascope.train.text_recipe import TextRecipe
from verascope.train.text_views import HEADLINE

GREY_SOURCE = "l2r"  # people's texts, and rewrites of them
DETECTORS = ("text-style", "text-smollm")
PREVALENCE = (0.01, 0.1, 0.5)
AUTHORS, POSTS = 400, (1, 3, 10, 30)
RESAMPLES = 300  # for intervals over texts
CONTEXT_LETTERS = 5  # a character without a width after so many


def main() -> None:
    """Measure, print, write JSON and CSV if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--runs", type=Path, nargs="*", default=[])
    parser.add_argument("--cost", action="store_true", help="posts a second, memory")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--scores", type=Path)
    asked = parser.parse_args()
    found: dict[str, Any] = {"command": " ".join(sys.argv[1:])}
    if asked.cost:
        found["cost"] = cost()
    if asked.corpus is not None:
        train = covered(read_texts([asked.corpus], "train"))
        dev = covered(read_texts([asked.corpus], "dev"))
        runs = {run.name: scores_of(run, train, dev) for run in asked.runs}
        found["figures"] = {name: figures(*scored) for name, scored in runs.items()}
        found["null"] = null(train, dev)
        found["shipped"] = {
            name: {"attacks": attacks(name, dev), "languages": languages(name, asked.corpus)}
            for name in DETECTORS[:1]
        }
        if asked.scores is not None:
            write_scores(asked.scores, runs)
    text = json.dumps(report.plain(found), indent=2)
    print(text)
    if asked.json is not None:
        asked.json.write_text(text + "\n")


def scores_of(
    run: Path, train: list[TextItem], dev: list[TextItem]
) -> tuple[Scored, Scored, Scored]:
    """What a training left in its folder: train out of fold, dev, both out of fold again."""
    rows = list(csv.DictReader((run / SCORES).open(newline="", encoding="utf-8")))
    items = {"train": train, "dev": dev, "refit": [*train, *dev]}
    found = []
    for split, held in items.items():
        logits = {
            row["path"]: (float(row[HEADLINE]), int(row["fold"]))
            for row in rows
            if row["split"] == split
        }
        values = [logits[item.row.path] for item in held]
        folds = np.array([fold for _, fold in values])
        found.append(Scored(held, np.array([logit for logit, _ in values]), folds))
    return found[0], found[1], found[2]


def figures(train: Scored, dev: Scored, refit: Scored) -> dict[str, Any]:
    """Leave-one-source-out and dev, at quantiles of each set and at thresholds set on train."""
    settled = settle(train, TextRecipe())
    points = settled.points
    headline = dev.only(in_headline)
    english = dev.only(lambda item: True)
    return {
        "leave_one_source_out": by_source(train),
        "refit_leave_one_source_out": by_source(refit),
        "dev_headline": quality(headline),
        "dev_with_rewrites": quality(english),
        "dev_headline_by_length": {
            length: quality(part)
            for length in sorted({item.style for item in headline.items})
            if (part := headline.only(lambda item, n=length: item.style == n)).both  # type: ignore[misc]
        },
        "dev_by_source": by_source(english),
        "points_of_train": {point.name: point.threshold for point in points},
        "dev_at_points_of_train": at_points(english, settled.calibration, points),
        "refit_at_its_own_points": at_points(
            refit, *(lambda s: (s.calibration, s.points))(settle(refit, TextRecipe()))
        ),
        "precision": precision(points),
        "authors": authors(train, settled),
    }


def in_headline(item: Any) -> bool:
    """Chat models' texts and people's, of sources that are not about rewriting."""
    return bool(item.headline and item.row.source != GREY_SOURCE)


def quality(scored: Scored) -> dict[str, Any]:
    """AUROC and TPR at 1 % and 5 %: intervals over texts, since dev has few sources."""
    texts = [str(i) for i in range(len(scored.items))]
    return {
        name: figure(metric, scored.synthetic, scored.logits, texts, resamples=RESAMPLES)
        for name, metric in (
            ("auroc", evaluate.auroc),
            ("tpr_at_1", evaluate.tpr_at(0.01)),
            ("tpr_at_5", evaluate.tpr_at(0.05)),
        )
    }


def by_source(scored: Scored) -> dict[str, Any]:
    """Each source that has both classes, chat models' texts and others' apart."""
    found: dict[str, Any] = {}
    for source in sorted(set(scored.sources)):
        part = scored.only(lambda item, s=source: item.row.source == s)  # type: ignore[misc]
        for kind, of_kind in (("chat", True), ("other", False)):
            chosen = part.only(
                lambda item, c=of_kind: item.row.label == "real" or item.headline == c  # type: ignore[misc]
            )
            if chosen.both:
                found[f"{source}, {kind}"] = quality(chosen)
    return found


def at_points(scored: Scored, calibration: Any, points: Sequence[OperatingPoint]) -> dict[str, Any]:
    """The share of each source's people's texts, and of its chat models', at each point."""
    scores = np.array([calibration(logit).score for logit in scored.logits])
    found: dict[str, Any] = {}
    for source in ["all", *sorted(set(scored.sources))]:
        for label in ("real", "chat"):
            chosen = np.array(
                [
                    source in ("all", item.row.source)
                    and (item.row.label == "real" if label == "real" else item.chat)  # type: ignore[attr-defined]
                    for item in scored.items
                ]
            )
            if chosen.sum() >= report.FEWEST:
                texts = [str(i) for i in range(int(chosen.sum()))]
                found[f"{source}, {label}"] = {
                    point.name: rate(scores[chosen] >= point.threshold, texts) for point in points
                }
    return found


def precision(points: Sequence[OperatingPoint]) -> dict[str, Any]:
    """Of what reaches a point, the share that is machine-made, where so much is."""
    return {
        point.name: {
            f"{share:g}": share * true / (share * true + (1 - share) * false)
            for share in PREVALENCE
            if (true := point.true_positive_rate or 0.0)
            + (false := max(point.false_positive_rate, 1e-9))
        }
        for point in points
    }


def authors(train: Scored, settled: Any) -> dict[str, Any]:
    """Posts drawn from one source as one author's: how many reach the points, by number of posts.

    Posts of a source are all there is: people's accounts are not named in the corpus.
    """
    rng = random.Random(1)
    found: dict[str, Any] = {}
    for label in (False, True):
        chosen = [i for i in np.flatnonzero(train.synthetic == label) if train.items[i].headline]
        sources = sorted({train.sources[i] for i in chosen})
        for count in POSTS:
            hits = {point.name: 0 for point in settled.points}
            for _ in range(AUTHORS):
                source = rng.choice(sources)
                own = [i for i in chosen if train.sources[i] == source]
                mean = float(np.mean([train.logits[rng.choice(own)] for _ in range(count)]))
                score = settled.calibration(stretched(mean, count, settled.posts)).score
                for point in settled.points:
                    hits[point.name] += score >= point.threshold
            kind = "chat" if label else "real"
            found[f"{kind}, {count} posts"] = {name: n / AUTHORS for name, n in hits.items()}
    return found


def null(train: list[TextItem], dev: list[TextItem]) -> dict[str, Any]:
    """The nulls of the dev headline, fitted on train: length, and length with format."""
    known, judged = ([i for i in items if in_headline(i)] for items in (train, dev))
    made = [np.array([item.row.label == "synthetic" for item in part]) for part in (known, judged)]
    tables = [text_nulls.table(part) for part in (known, judged)]
    texts = [str(i) for i in range(len(judged))]
    return {
        name: {
            metric_name: figure(
                metric, made[1], transferred(tables[0][:, :n], made[0], tables[1][:, :n]), texts
            )
            for metric_name, metric in (
                ("auroc", evaluate.auroc),
                ("tpr_at_1", evaluate.tpr_at(0.01)),
                ("tpr_at_5", evaluate.tpr_at(0.05)),
            )
        }
        for name, n in (("length", 1), ("length_and_format", tables[0].shape[1]))
    }


def look_alikes(text: str) -> str:
    """Every letter that has one, as a foreign letter that looks like it."""
    back = {latin: foreign for foreign, latin in LOOK_ALIKES.items()}
    return "".join(back.get(letter, letter) for letter in text)


def without_width(text: str) -> str:
    """A character that nobody sees after every few letters."""
    parts = [text[i : i + CONTEXT_LETTERS] for i in range(0, len(text), CONTEXT_LETTERS)]
    return "\u200b".join(parts)


def attacks(name: str, dev: list[TextItem]) -> dict[str, Any]:
    """TPR at 5 % of clean people's texts, of clean and of attacked machine texts; shipped model."""
    judged = [item for item in dev if in_headline(item)]
    real = [item.raw for item in judged if item.row.label == "real"]
    made = [item.raw for item in judged if item.row.label != "real"]
    threshold = float(np.quantile(logits(name, real), 0.95))
    kinds: dict[str, Callable[[str], str]] = {
        "none": str,
        "look-alikes": look_alikes,
        "without width": without_width,
    }
    return {
        kind: {
            "tpr_at_5": float((logits(name, [attack(text) for text in made]) > threshold).mean()),
            "restored": float(
                np.mean([clean(attack(text)).text == clean(text).text for text in made])
            ),
        }
        for kind, attack in kinds.items()
    }


def logits(name: str, texts: Sequence[str]) -> Floats:
    """A shipped detector's logits of texts as a scan makes them, language aside."""
    detector = registry.create(name)
    found = []
    for text in texts:
        cleaned = clean(text)
        windows = text_windows.windows(text_windows.scrub(cleaned.text, cleaned.origins))
        found.append(detector.pool(detector.score(windows.values)))
    return np.array(found)


def languages(name: str, corpus: Path) -> dict[str, Any]:
    """People's texts of every language: how many are judged at all, and reach the points."""
    detector = registry.create(name)
    items = [
        item
        for split in ("train", "dev")
        for each in read_texts([corpus], split)
        for item in each.items
        if isinstance(item, TextItem) and item.row.label == "real" and item.language != "en"
    ]
    found: dict[str, Any] = {}
    for code in sorted({item.language for item in items}):
        own = [item for item in items if item.language == code]
        judged = [item.raw for item in own if language(item.text).covered]
        scores = [detector.calibrate(logit).score for logit in logits(name, judged)]
        found[code] = {"texts": len(own), "judged": len(judged)} | {
            point.name: sum(score >= point.threshold for score in scores) / len(own)
            for point in detector.operating_points
        }
    return found


def cost() -> dict[str, Any]:
    """Posts a second of the fast tier on one core; the accurate tier beside its bare encoder."""
    posts = [f"{text} ({i})" for i in range(400) for text in EXAMPLES]
    rows = [text_windows.scrub(clean(post).text) for post in posts]
    values = np.concatenate([text_windows.windows(row).values for row in rows])
    style: Any = registry.create("text-style")
    style.load()
    started = time.process_time()
    for post in posts:
        cleaned = clean(post)
        text_windows.windows(text_windows.scrub(cleaned.text, cleaned.origins))
        language(post)
    read = time.process_time() - started
    started = time.process_time()
    style.score(values)
    scored = time.process_time() - started
    found = {
        "posts": len(posts),
        "characters_a_post": float(np.mean([len(post) for post in posts])),
        "reading_posts_a_second": len(posts) / read,
        "scoring_posts_a_second": len(posts) / scored,
        "fast_posts_a_second": len(posts) / (read + scored),
        "fast_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "fast_model_mb": sum(f.stat().st_size for f in style.folder.path.iterdir()) / 1e6,
    }
    accurate: Any = registry.create("text-smollm")
    if accurate.find():
        accurate.load()
        few = values[:60]
        texts = text_windows.texts(few)
        accurate.score(few[:2])
        started = time.process_time()
        accurate.encoder.vectors(texts)
        bare = time.process_time() - started
        started = time.process_time()
        for one in range(len(few)):
            style.score(few[one : one + 1])
        fast = time.process_time() - started
        started = time.process_time()
        for one in range(len(few)):
            accurate.score(few[one : one + 1])
        whole = time.process_time() - started
        found |= {
            "accurate_ms_a_post": 1000 * whole / len(few),
            "encoder_ms_a_post": 1000 * bare / len(few),
            "accurate_over_encoder_and_fast": whole / (bare + fast),
            "accurate_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        }
    return found


def write_scores(file: Path, runs: dict[str, tuple[Scored, Scored, Scored]]) -> None:
    """Every text's logits by the fits on train: out of fold on train, and on dev."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream, lineterminator="\n")
        out.writerow(("split", "id", "label", "source", *runs))
        for place, split in enumerate(("train", "dev")):
            parts = [scored[place] for scored in runs.values()]
            for index, item in enumerate(parts[0].items):
                logits_ = [f"{part.logits[index]:.3f}" for part in parts]
                out.writerow((split, item.row.path, item.row.label, item.row.source, *logits_))


EXAMPLES = (
    "The ferry was late again this morning, so half of us stood on the pier with cold hands and "
    "warm coffee. An old man told me that in his day they simply rowed across. I believe him, or "
    "I did until he said that he had also rowed to Iceland, twice, for the cod and for a bet.",
    "In conclusion, it is important to consider a wide range of perspectives. By fostering open "
    "dialogue and embracing innovation, communities can ensure a brighter future for everyone "
    "involved, while also addressing the unique challenges that lie ahead of them together.",
)

if __name__ == "__main__":
    main()
