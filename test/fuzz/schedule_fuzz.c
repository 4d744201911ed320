/* lib/schedule.c: expressions, and when they are due, in zones with odd clock changes. */
#include "../../lib/schedule.h"
#include "fuzz.h"

static const char *const zones[] = { "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia",
	"Africa/Casablanca", "Asia/Kathmandu", "America/St_Johns" };

static void
use_zone(uint8_t choice)
{
	static const char *now;
	const char *zone = zones[choice % 8];

	if (zone == now)
		return;
	now = zone;
	setenv("TZ", zone, 1);
	tzset();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t zone = fuzz_byte(&in), how = fuzz_byte(&in);
	time_t after = (time_t)(fuzz_number(&in, 5) % 253402300000), due, next, middle;
	struct schedule s = { .interval_s = -3 }, same = s;
	char *text = fuzz_text(&in, '\0'), why[256] = "";

	if (schedule_parse(&s, text, why, 1 + how) == -1) {
		MUST(memcmp(&s, &same, sizeof s) == 0 && strlen(why) <= how && (how == 0 || *why != '\0'));
		fuzz_reset();
		return 0;
	}
	use_zone(zone);
	due = schedule_next(&s, after);
	next = schedule_next(&s, due);
	MUST(due > after && next > due);
	/* the first one after: no other instant in between has one before it */
	middle = after + (due - after) / 2;
	MUST(s.interval_s > 0 || (schedule_next(&s, middle) == due && schedule_next(&s, due - 1) == due));
	if (s.interval_s == 0)
		MUST(due % 60 == 0 || after < 0x40000000); /* zones had odd seconds long ago */
	/* a millisecond each: for some */
	if ((how & 31) == 7 && s.interval_s == 0 && next < after + 365 * 86400L && after > 10L * 366 * 86400 &&
	    after < 200000000000) {
		long gap = schedule_longest_gap(&s, after);

		MUST(gap >= next - due && gap > 0);
	}
	fuzz_reset();
	return 0;
}
