#!/usr/bin/env python3
"""Retention, decided a second time: from the rules alone, in another language.

Asks build/test/retention_driver (lib/retention.c) about 10,000 random histories
and policies, compares each answer with the one worked out here, and checks over
the same cases what must hold whatever the rules are. Reads only BUILD, and SEED
and CASES to look further than the fixed ones. Prints TAP.

The rules
- unlimited keeps everything.
- What is dated after now is from a clock that jumped: it stays, and counts nowhere.
- last N: the N newest, each by itself even if dated the same second.
- days: everything younger than so many seconds, counted from the newest.
- daily, weekly, monthly, yearly N: the newest of each of the N most recent local
  days, ISO weeks, months, years that have one; a period is as recent as its newest.
- the newest stays in any case.
A backup stays if any rule keeps it; the first in this order gives the reason.
"""
import os
import random
import subprocess
import sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

SEED = int(os.environ.get("SEED", "20260331"))
CASES = int(os.environ.get("CASES", "10000"))
DRIVER = os.path.join(os.environ.get("BUILD", "build"), "test", "retention_driver")
DAY = 86400

# Berlin: the usual. St John's until 2011 and Casey: set back over midnight, a date
# comes twice. Apia: a date that never was. Lord Howe: half an hour. The rest: edges.
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "Antarctica/Casey",
         "Pacific/Apia", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu",
         "Pacific/Kiritimati", "Etc/GMT+12"]
NUMBERS = ["last", "keep_s", "daily", "weekly", "monthly", "yearly"]


def utc(*when):
    return int(datetime(*when, tzinfo=timezone.utc).timestamp())


# Where mistakes live: DST changes, dates repeated or skipped, leap days, years whose
# first days belong to the old ISO year or whose last to the new one.
CORNERS = [("Europe/Berlin", utc(2026, 3, 29, 1)), ("Europe/Berlin", utc(2026, 10, 25, 1)),
           ("America/St_Johns", utc(2010, 11, 7, 2, 31)), ("Antarctica/Casey", utc(2010, 3, 4, 15)),
           ("Pacific/Apia", utc(2011, 12, 30, 10)), ("America/Sao_Paulo", utc(2018, 2, 18, 2)),
           *((None, t) for t in [
               utc(2024, 2, 29, 12), utc(2000, 2, 29), utc(2100, 3, 1), utc(2021, 1, 3),
               utc(2021, 1, 4), utc(2026, 1, 1), utc(2025, 12, 29), utc(2027, 1, 4),
               utc(2038, 1, 19, 3, 14, 7), utc(1970, 1, 2)])]


# -- the rules ---------------------------------------------------------------------

def oracle(zone, now, policy, times):
    """The reason for which each one stays, or None. times: newest first."""
    if policy["unlimited"]:
        return ["unlimited"] * len(times)

    real = [i for i, t in enumerate(times) if t <= now]
    local = {i: datetime.fromtimestamp(times[i], ZoneInfo(zone)) for i in real}

    def newest_of(count, period):
        first = {}
        for i in real:
            first.setdefault(period(local[i]), i)
        return set(list(first.values())[:count])

    kept = {
        "future": set(range(len(times))) - set(real),
        "last": set(real[:policy["last"]]),
        "days": {i for i in real if times[real[0]] - times[i] < policy["keep_s"]},
        "daily": newest_of(policy["daily"], lambda d: d.date()),
        "weekly": newest_of(policy["weekly"], lambda d: d.isocalendar()[:2]),
        "monthly": newest_of(policy["monthly"], lambda d: (d.year, d.month)),
        "yearly": newest_of(policy["yearly"], lambda d: d.year),
        "newest": set(real[:1]),
    }
    return [next((name for name, members in kept.items() if i in members), None)
            for i in range(len(times))]


# -- cases -------------------------------------------------------------------------

def random_times(rnd, start):
    n = rnd.choice([0, 1, 1, 2, 3, 5, 8, 13, 20, 30, 60, 100])
    step = rnd.choice([1, 600, 1800, 3600, 6 * 3600, DAY, 3 * DAY, 7 * DAY, 30 * DAY, 365 * DAY])
    shape = rnd.random()
    if shape < 0.4:         # a schedule, with jitter and missed runs
        times = [start + i * step + rnd.randrange(1 + step // 10) for i in range(n)
                 if rnd.random() < 0.8]
    elif shape < 0.6:       # many on the same second
        times = [start + rnd.randrange(1 + n // 3) * step for _ in range(n)]
    elif shape < 0.8:       # crowded around one moment
        times = [start + rnd.randrange(-3 * step, 3 * step + 1) for _ in range(n)]
    else:                   # to the second at local midnights of no zone in particular
        times = [(start // 1800 + rnd.randrange(n * 48)) * 1800 - rnd.randrange(2)
                 for _ in range(n)]
    return sorted((t for t in times if t >= 0), reverse=True)


def random_policy(rnd):
    def count():
        return 0 if rnd.random() < 0.5 else rnd.choice([1, 2, 3, 4, 7, 12, 31, 3660])
    policy = {name: count() for name in NUMBERS}
    if policy["keep_s"]:
        policy["keep_s"] = rnd.choice([1, 3600, DAY, 7 * DAY, 30 * DAY, 400 * DAY, 36500 * DAY])
    policy["unlimited"] = rnd.random() < 0.03
    return policy


def random_case(rnd):
    zone, start = rnd.choice(CORNERS)
    if rnd.random() < 0.4:
        start = rnd.randrange(0, utc(2040, 1, 1))
    times = random_times(rnd, start)
    now = times[0] + rnd.choice([0, 1, 3600, 7 * DAY]) if times else utc(2026, 1, 1)
    if times and rnd.random() < 0.25:       # some, perhaps all, are of the future
        now = rnd.choice(times) - rnd.randrange(2)
    return zone or rnd.choice(ZONES), now, random_policy(rnd), times


def lowered(rnd, policy):
    lower = dict(policy, unlimited=False)
    for name in rnd.sample(NUMBERS, rnd.choice([1, 1, 2, len(NUMBERS)])):
        if lower[name]:
            lower[name] = rnd.choice([0, lower[name] - 1, lower[name] // 2])
    return lower


# -- the program -------------------------------------------------------------------

def as_line(case):
    zone, now, policy, times = case
    return " ".join(map(str, [zone, now, int(policy["unlimited"]), *(policy[n] for n in NUMBERS),
                              len(times), *times]))


def ask(cases):
    """What the C says: for each case its times and their reasons, as it gave them back."""
    run = subprocess.run([DRIVER], input="".join(as_line(c) + "\n" for c in cases),
                         stdout=subprocess.PIPE, text=True, check=True, timeout=50)
    answers = []
    for line in run.stdout.splitlines():
        pairs = [word.split("=") for word in line.split()]
        answers.append(([int(t) for t, _ in pairs], [None if r == "-" else r for _, r in pairs]))
    if len(answers) != len(cases):
        sys.exit(f"Bail out! {len(cases)} cases, {len(answers)} answers")
    return answers


number = 0
failed = 0


def report(name, bad):
    """bad: pairs of case and remark, none of which there should be."""
    global number, failed
    number += 1
    failed += bool(bad)
    print(f"{'not ok' if bad else 'ok'} {number} - {name}")
    for case, remark in bad[:3]:
        print(f"#   {as_line(case)}\n#     {remark}")
    if len(bad) > 3:
        print(f"#   and {len(bad) - 3} more")


def main():
    rnd = random.Random(SEED)
    print(f"# seed {SEED}, {CASES} cases, {DRIVER}")
    if not os.access(DRIVER, os.X_OK):
        sys.exit(f"Bail out! no {DRIVER}: make it first")

    cases = [random_case(rnd) for _ in range(CASES)]
    answers = ask(cases)
    wants = [oracle(*case) for case in cases]

    report("the oracle agrees on every backup and every reason",
           [(c, f"want {w}, got {got}") for c, w, (_, got) in zip(cases, wants, answers)
            if got != w])
    report("keep + delete is everything, in order",
           [(c, f"got {times}") for c, (times, _) in zip(cases, answers) if times != c[3]])
    report("the newest that is not of the future stays, and so does all of the future",
           [(c, f"got {got}") for c, (_, got) in zip(cases, answers)
            if None in got[:1 + sum(t > c[1] for t in c[3])]])

    lower = [(zone, now, lowered(rnd, policy), times) for zone, now, policy, times in cases]
    report("lowering a number never keeps more",
           [(c, f"was {before}, got {got}")
            for c, (_, before), (_, got) in zip(lower, answers, ask(lower))
            if any(g and not b for b, g in zip(before, got))])

    again = [(zone, now, policy, [t for t, r in zip(times, got) if r])
             for (zone, now, policy, times), (_, got) in zip(cases, answers)]
    report("pruning twice changes nothing",
           [(c, f"was {[r for r in before if r]}, got {got}")
            for c, (_, before), (_, got) in zip(again, answers, ask(again))
            if got != [r for r in before if r]])

    # Controls: what was compared is rich enough to tell a wrong answer from a right one.
    reasons = {r for w in wants for r in w}
    missing = [r for r in ["unlimited", "future", "last", "days", "daily", "weekly", "monthly",
                           "yearly", "newest", None] if r not in reasons]
    report("control: every reason occurs", [(cases[0], f"never {r}") for r in missing])
    for name in NUMBERS:
        more = [dict(p, **{name: p[name] + 1}) for _, _, p, _ in cases]
        noticed = any(oracle(c[0], c[1], m, c[3]) != w for c, m, w in zip(cases, more, wants))
        report(f"control: one more for {name} is noticed",
               [] if noticed else [(cases[0], "no case differs")])
    zones_matter = any(oracle("UTC", *c[1:]) != w for c, w in zip(cases, wants))
    report("control: a wrong zone is noticed",
           [] if zones_matter else [(cases[0], "no case differs")])

    print(f"1..{number}")
    return 1 if failed else 0


sys.exit(main())
