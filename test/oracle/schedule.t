#!/usr/bin/env node
// Schedules, decided a second time: by croner, a cron library from npm.
//
// Asks build/test/schedule_driver (lib/schedule.c) and croner for the next due
// instant of random triples of expression, instant and zone, most of them close
// to a clock change, and compares. Where the two differ by intent, one of the
// RULES below says why, and gives the answer that must then come out: it is
// compared as exactly as the rest. Any other difference fails. Prints TAP.
//
// Reads BUILD (default build), TEST_CACHE (where croner is installed), and SEED
// and CASES to look further than the fixed ones.
'use strict';
const { execFileSync } = require('child_process');
const fs = require('fs');
const path = require('path');

const CRONER = '11.0.1';
const SEED = Number(process.env.SEED || 20260331);
const CASES = Number(process.env.CASES || 20000);
const ROOT = path.resolve(__dirname, '../..');
const DRIVER = path.resolve(ROOT, process.env.BUILD || 'build', 'test/schedule_driver');
const CACHE = process.env.TEST_CACHE || '/var/cache/backup-service-test';
const HOUR = 3600, DAY = 86400;

// Half of the questions. Half-hour changes, changes at or over midnight, days left
// out or had twice, rules that bend to Ramadan, the ordinary, and none at all.
const ZONES = ['America/New_York', 'Europe/Berlin', 'Europe/London', 'Europe/Dublin',
	'Australia/Lord_Howe', 'Pacific/Apia', 'Pacific/Kwajalein', 'Pacific/Kiritimati',
	'Pacific/Fakaofo', 'America/Sao_Paulo', 'America/Asuncion', 'America/Havana', 'Asia/Beirut',
	'Asia/Amman', 'Asia/Gaza', 'Africa/Cairo', 'Africa/Casablanca', 'America/St_Johns',
	'America/Scoresbysund', 'Antarctica/Troll', 'Antarctica/Casey', 'Asia/Pyongyang',
	'America/Caracas', 'Asia/Tehran', 'Atlantic/Azores', 'Pacific/Chatham', 'Asia/Kathmandu',
	'UTC'];

// Years with a gap over midnight: a twentieth of the questions.
const RARE = [['Pacific/Apia', 2011], ['Pacific/Fakaofo', 2011], ['Pacific/Kwajalein', 1993],
	['Pacific/Kiritimati', 1994], ['Pacific/Enderbury', 1994], ['America/Scoresbysund', 2029]];

// Left out, and counted: the days around a change back by more than three hours. There has
// been one in 50 years, Antarctica/Vostok 1994, seven hours. croner looks for the first of
// two passes no further back, and is lost there: asked at 21:42 for the next full hour, it
// names one seven hours later. test/unit/schedule_test.c has that change instead.
const CRONER_SEES = 3 * HOUR;
let leftOut = 0;

function bail(why)
{
	console.log(`Bail out! ${why}`);
	process.exit(1);
}

function loadCroner()
{
	const home = path.join(CACHE, 'node_modules/croner');
	const installed = () => {
		try {
			return JSON.parse(fs.readFileSync(path.join(home, 'package.json'))).version;
		} catch {
			return null;
		}
	};

	if (installed() !== CRONER) {
		fs.mkdirSync(CACHE, { recursive: true });
		try {
			execFileSync('npm', ['install', '--prefix', CACHE, '--save-exact',
				'--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error',
				`croner@${CRONER}`], { stdio: ['ignore', 'ignore', 'inherit'] });
		} catch (e) {
			bail(`cannot install croner: ${e.message}`);
		}
	}
	return require(home).Cron;
}

// -- zones, from node's own copy of the zone data ------------------------------------

const formats = new Map(), changesOf = new Map();

function offset(zone, t)
{
	let f = formats.get(zone);

	if (f === undefined) {
		f = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23',
			year: 'numeric', month: 'numeric', day: 'numeric',
			hour: 'numeric', minute: 'numeric', second: 'numeric' });
		formats.set(zone, f);
	}
	const p = {};
	for (const { type, value } of f.formatToParts(t * 1000))
		p[type] = Number(value);
	return Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute, p.second) / 1000 - t;
}

// Every change of offset in a year: { at, before, after }.
function changes(zone, year)
{
	const key = `${zone} ${year}`;
	let found = changesOf.get(key);

	if (found !== undefined)
		return found;
	found = [];
	let from = Date.UTC(year, 0, 1) / 1000, before = offset(zone, from);
	const end = Date.UTC(year + 1, 0, 1) / 1000;
	while (from < end) {
		const to = Math.min(from + 14 * DAY, end), after = offset(zone, to);
		if (after !== before) {
			let low = from, high = to;
			while (high - low > 1) {
				const middle = Math.floor((low + high) / 2);
				if (offset(zone, middle) === before)
					low = middle;
				else
					high = middle;
			}
			found.push({ at: high, before, after });
		}
		from = to;
		before = after;
	}
	changesOf.set(key, found);
	return found;
}

// Of these zones, those of which libc's copy, as zdump(8) tells it, says something else: either may be
// the older one. Compared at every change that libc knows, and once a month between them.
function differing(zones)
{
	const libc = new Map(zones.map(zone => [zone, []])), FROM = 1979, TO = 2039;
	const out = execFileSync('zdump', ['-V', '-c', `${FROM},${TO}`, ...zones],
		{ maxBuffer: 1 << 28 }).toString();

	for (const [, zone, at, seconds] of
		out.matchAll(/^(\S+)\s+\S+ (.*) UT = .* gmtoff=(-?\d+)$/gm))
		libc.get(zone).push({ at: Date.parse(`${at} UTC`) / 1000, offset: Number(seconds) });
	return zones.filter(zone => {
		const known = libc.get(zone);
		const months = Array.from({ length: 12 * (TO - FROM) },
			(_, i) => Date.UTC(FROM, i, 15) / 1000);

		return known.some(({ at, offset: seconds }) => offset(zone, at) !== seconds) ||
			months.some(t => {
				const last = known.findLast(({ at }) => at <= t);
				return last !== undefined && offset(zone, t) !== last.offset;
			});
	});
}

const yearOf = t => new Date(t * 1000).getUTCFullYear();

// -- questions -----------------------------------------------------------------------

let state = SEED >>> 0;

// mulberry32: 0 <= random() < 1
function random()
{
	state = (state + 0x6D2B79F5) >>> 0;
	let t = state;
	t = Math.imul(t ^ (t >>> 15), t | 1);
	t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
	return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

const between = (low, high) => low + Math.floor(random() * (high - low + 1));
const pick = list => list[between(0, list.length - 1)];
const chance = p => random() < p;

const MONTHS = ['JAN', 'feb', 'Mar', 'APR', 'may', 'jun', 'JUL', 'aug', 'sep', 'oct', 'NOV', 'dec'];
const DAYS = ['sun', 'MON', 'tue', 'Wed', 'thu', 'fri', 'SAT'];

const MACROS = {
	'@hourly': '0 * * * *', '@daily': '0 0 * * *', '@midnight': '0 0 * * *',
	'@weekly': '0 0 * * 0', '@monthly': '0 0 1 * *', '@yearly': '0 0 1 1 *',
	'@annually': '0 0 1 1 *',
};

const FIELDS = [
	{ min: 0, max: 59, star: 0.15, likely: [0, 15, 30, 45, 59, 1] },
	{ min: 0, max: 23, star: 0.25, likely: [0, 1, 2, 3, 23, 12] },
	{ min: 1, max: 31, star: 0.5, likely: [1, 29, 30, 31, 28] },
	{ min: 1, max: 12, star: 0.6, likely: [2, 3, 10, 11, 12], names: MONTHS },
	{ min: 0, max: 7, star: 0.5, likely: [0, 7, 6, 5], names: DAYS },
];

function value(f)
{
	return chance(0.5) ? pick(f.likely) : between(f.min, f.max);
}

function item(f)
{
	const kind = random();
	const step = () => chance(0.4) ? `/${between(1, Math.min(f.max, 12))}` : '';
	const name = n =>
		f.names && chance(0.4) ? f.names[(n - f.min) % f.names.length] : String(n);

	if (kind < 0.25)
		return `*${f.max === 7 ? `/${between(1, 7)}` : step() || '/2'}`;
	if (kind < 0.7)
		return name(value(f));
	const [low, high] = [value(f), value(f)].sort((a, b) => a - b);
	return `${name(low)}-${name(high)}${step()}`;
}

function field(f, star)
{
	if (chance(star))
		return '*';
	return Array.from({ length: chance(0.7) ? 1 : between(2, 4) }, () => item(f)).join(',');
}

function setOf(text, f)
{
	const set = new Set();
	const number = s => f.names && f.names.some(n => n.toLowerCase() === s.toLowerCase()) ?
		f.names.findIndex(n => n.toLowerCase() === s.toLowerCase()) + f.min : Number(s);

	for (const part of text.split(',')) {
		const [range, step] = part.split('/');
		let [low, high] = range === '*' ? [f.min, f.max] : range.split('-').map(number);
		if (high === undefined)
			high = low;
		if (f.max === 7 && high === 0 && low > 0)
			high = 7;	// FRI-SUN
		for (let n = low; n <= high; n += Number(step || 1))
			set.add(n);
	}
	return set;
}

function canFire([, , day, month, weekday])
{
	const length = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

	return !day.startsWith('*') && !weekday.startsWith('*') ||
		[...setOf(month, FIELDS[3])].some(m =>
			[...setOf(day, FIELDS[2])].some(d => d <= length[m - 1]));
}

function expression()
{
	if (chance(0.03))
		return pick(Object.keys(MACROS));
	for (;;) {
		const fields = FIELDS.map(f => field(f, f.star));
		if (canFire(fields))
			return fields.join(chance(0.1) ? '  ' : ' ');
	}
}

function question(zones)
{
	const { all, often, rare } = zones;
	const [zone, only] = chance(0.05) ? pick(rare) : [chance(0.5) ? pick(often) : pick(all)];

	for (;;) {
		const year = only || between(1980, 2037), near = changes(zone, year);
		let instant;
		if (near.length > 0 && chance(0.8)) {
			const away = pick([1, 3 * HOUR, 3 * HOUR, 36 * HOUR, 36 * HOUR]);
			instant = pick(near).at + between(-away, away);
		} else if (chance(0.3)) {
			instant = Date.UTC(year, 0, 1) / 1000 + between(0, 365 * DAY);
		} else {
			continue;
		}
		if (near.some(({ at, before, after }) => before - after > CRONER_SEES &&
		    Math.abs(at - instant) < 3 * DAY)) {
			leftOut++;
			continue;
		}
		instant -= chance(0.3) ? instant % 60 : 0;
		return { zone, expression: expression(), instant };
	}
}

// -- croner, and where it differs by intent ------------------------------------------

function ask(Cron, text, zone, instant)
{
	const next = new Cron(text, { timezone: zone, fixedTimeRule: 'no-wildcard' })
		.nextRun(new Date(instant * 1000));

	return next === null ? null : next.getTime() / 1000;
}

const isRhythm = fields => [...setOf(fields[1], FIELDS[1])].length === 24;

// A rule takes the five fields and returns them as croner has to be told to mean
// what lib/schedule.h promises, or the same if it does not apply.
const RULES = [{
	name: 'sunday to sunday is a sunday',
	why: 'after a dash SUN is the end of the week, but croner takes SUN-SUN for all of it; ' +
		'here, as in Vixie cron, it is the one day',
	apply: ([m, h, day, month, weekday]) => [m, h, day, month,
		weekday.split(',').map(i => i.replace(/^(0|sun)-sun/i, '0-0')).join(',')],
}, {
	name: 'star with a step is a star',
	why: 'Vixie cron asks both day fields to match as soon as one begins with a star, */2 ' +
		'too; croner only for a bare star, else it needs its own sign +',
	apply: ([m, h, day, month, weekday]) => [m, h, day, month,
		(day.startsWith('*') || weekday.startsWith('*')) && day !== '*' && weekday !== '*' ?
			`+${weekday}` : weekday],
}, {
	name: 'hours decide, not spelling',
	why: 'croner, as Vixie cron, takes a star or step in minute or hour for a job that skips ' +
		'what the clock skips and repeats what it repeats; here only all 24 hours make ' +
		'such a rhythm, however written, so that no daily backup is lost or doubled',
	apply: ([m, h, ...days]) => {
		const list = (text, f) => [...setOf(text, f)].sort((a, b) => a - b).join(',');
		return isRhythm([m, h]) ? [list(m, FIELDS[0]), '*', ...days] :
			[list(m, FIELDS[0]), list(h, FIELDS[1]), ...days];
	},
}];

const MIDNIGHT = {
	name: 'made up on another day',
	why: 'a skipped time of day is due at the first instant after the gap; croner drops it ' +
		'where that is on another date (gaps up to midnight or over it, days left out)',
};

// The first gap after the instant, before `until`, that ends on another date and holds a
// time of the expression. What it holds croner tells, asked on a clock without changes.
function midnightGap(Cron, fields, zone, instant, until)
{
	if (isRhythm(fields))
		return null;
	for (let year = yearOf(instant) - 1; year <= yearOf(until) + 1; year++) {
		for (const { at, before, after } of changes(zone, year)) {
			if (at <= instant || at >= until || after <= before ||
			    Math.floor((at + before) / DAY) === Math.floor((at + after) / DAY))
				continue;
			if (ask(Cron, fields.join(' '), 'UTC', at + before - 1) < at + after)
				return at;
		}
	}
	return null;
}

// { plain, answer, rules }: what croner says, what must come out by the rules, and
// those that make the difference. All are applied, whatever the program answered.
function judge(Cron, q)
{
	let fields = (MACROS[q.expression] || q.expression).split(/ +/);
	const plain = ask(Cron, q.expression, q.zone, q.instant);
	const rules = [];
	let answer = plain;

	for (const rule of RULES) {
		const told = rule.apply(fields);
		if (told.join(' ') === fields.join(' '))
			continue;
		fields = told;
		const then = ask(Cron, fields.join(' '), q.zone, q.instant);
		if (then !== answer)
			rules.push(rule);
		answer = then;
	}
	const gap = midnightGap(Cron, fields, q.zone, q.instant, answer);
	if (gap !== null) {
		rules.push(MIDNIGHT);
		answer = gap;
	}
	return { plain, answer, rules };
}

// -- the test ------------------------------------------------------------------------

function drive(questions)
{
	if (!fs.existsSync(DRIVER))
		bail(`${DRIVER} is not built`);
	const out = execFileSync(DRIVER, {
		input: questions.map(q => `${q.zone}\t${q.expression}\t${q.instant}\n`).join(''),
		maxBuffer: 1 << 28,
	}).toString().split('\n');

	questions.forEach((q, i) => {
		const [answer, seconds] = out[i].split('\t');
		q.answer = /^\d+$/.test(answer) ? Number(answer) : answer;
		q.offset = Number(seconds);
	});
}

function show(q)
{
	const at = t => typeof t === 'number' ?
		`${t} (${new Date(t * 1000).toISOString()})` : String(t);

	return `${q.zone} "${q.expression}" after ${at(q.instant)}: ${at(q.answer)}`;
}

function main()
{
	const Cron = loadCroner();
	const there = [...new Set([...Intl.supportedValuesOf('timeZone'), ...ZONES])]
		.filter(z => fs.existsSync(`/usr/share/zoneinfo/${z}`));
	const others = differing(there), same = zone => there.includes(zone) && !others.includes(zone);
	const zones = { all: Intl.supportedValuesOf('timeZone').filter(same),
		often: ZONES.filter(same), rare: RARE.filter(([zone]) => same(zone)) };
	const questions = Array.from({ length: CASES }, () => question(zones));
	const seen = new Map([...RULES, MIDNIGHT].map(rule => [rule, []]));
	const wrong = [];
	let equal = 0, number = 0;
	const ok = (good, what) => console.log(`${good ? 'ok' : 'not ok'} ${++number} - ${what}`);

	console.log(`1..4\n# seed ${SEED}, croner ${CRONER}, zones of node ${process.versions.tz}`);
	if (others.length > 0)
		console.log(`# NOT ASKED: ${others.length} of ${there.length} zones, of which libc and ` +
			`node have different data: ${others.join(' ')}`);
	drive(questions);
	for (const q of questions) {
		const { plain, answer, rules } = judge(Cron, q);
		if (answer !== q.answer)
			wrong.push(`${show(q)}, not ${answer}`);
		else if (answer === plain)
			equal++;
		rules.forEach(rule => seen.get(rule).push(q));
	}
	ok(wrong.length === 0, `${CASES} triples: ${equal} as croner, ` +
		`${CASES - equal - wrong.length} not, for a reason listed, ` +
		`${wrong.length} for none`);
	wrong.slice(0, 20).forEach(w => console.log(`# ${w}`));
	for (const [rule, examples] of seen) {
		console.log(`# ${rule.name}: ${examples.length}; ${rule.why}`);
		examples.slice(0, 2).forEach(q => console.log(`#   ${show(q)}`));
	}
	ok([...seen.values()].every(examples => examples.length > 0), 'every reason listed is met');

	const other = questions.filter(q => typeof q.answer === 'number' &&
		offset(q.zone, q.instant) !== q.offset);
	ok(other.length === 0 && others.length < there.length / 5,
		'libc and node have the same data of the zones asked for, nearly all there are');
	other.slice(0, 5).forEach(q => console.log(`# ${show(q)}: offset ${q.offset}, not ` +
		`${offset(q.zone, q.instant)}; update tzdata or node`));

	console.log(`# drawn again, croner being lost there: ${leftOut}`);
	const near = questions.filter(q => [yearOf(q.instant), yearOf(q.instant + 2 * DAY),
		yearOf(q.instant - 2 * DAY)].some(y => changes(q.zone, y)
		.some(c => Math.abs(c.at - q.instant) <= 36 * HOUR))).length;
	ok(near > CASES / 2, `${near} of them within 36 hours of a clock change`);
	process.exitCode = wrong.length === 0 && other.length === 0 && others.length < there.length / 5 && near > CASES / 2 &&
		[...seen.values()].every(examples => examples.length > 0) ? 0 : 1;
}

main();
