/* lib/remote.c: what rclone answers, with an rclone that answers the input. */
#include "../../lib/remote.c"
#include "answer.h"

/* what it was told to clean up */
static struct list cleaned;

static void
note_cleanup(const struct list *argv)
{
	if (argv->n > 4 && strcmp(argv->item[4], "cleanup") == 0)
		list_add(&cleaned, argv->item[5]);
}

static struct remote remote = { .max_parts = 10000, .limit_ms = 1000 };

static bool
is_mine(void *arg, const char *name)
{
	(void)arg;
	return name_belongs(name, "", "app");
}

static void
check_list(const char *path, bool hides)
{
	struct listing found = { 0 };
	int64_t size;

	remote.path = text_copy(path);
	remote.hides = hides;
	remote.probed = true;
	if (remote_list(&remote, &found) == -1)
		MUST(found.n == 0 && found.item == NULL);
	else
		MUST(answer_rc == 0 || (hides && answer_rc == RC_NO_DIRECTORY));
	for (size_t i = 0; i < found.n; i++) {
		MUST(listing_find(&found, found.item[i].name) != NULL);
		size = remote_size(&remote, found.item[i].name);
		MUST(size == listing_find(&found, found.item[i].name)->size_bytes);
	}
	size = remote_size(&remote, "absent");
	MUST(size < 0 || listing_find(&found, "absent") != NULL);
	listing_free(&found);
}

/* Whatever the answer: rclone only ever cleans up names that are ours. */
static void
check_uploads_any(const char *path)
{
	const char *slash = strchr(path, '/');

	remote.path = text_copy(path);
	remote_abort_uploads(&remote, 7 * 86400, 1800000000, is_mine, NULL);
	for (size_t i = 0; i < cleaned.n; i++) {
		const char *name = strrchr(cleaned.item[i], '/');

		MUST(name != NULL && is_mine(NULL, name + 1));
		MUST(slash == NULL || strncmp(cleaned.item[i], path, strlen(path)) == 0);
	}
}

/* Answers that we make: rclone cleans up all old uploads whose keys begin so, and must hit none but ours. */
static void
check_uploads_known(struct input *in)
{
	static const char *const names[] = { "app-20260101T000000Z.pg-dump", "app-20260101T000000Z.pg-dump.bin",
		"app-20260102T000000Z.pg-dump", "app-20260101T000000Z.pg-dump.bin2", "app-2-20260101T000000Z.pg-dump",
		"app-20260101T000000Z.pg-dump/below", "other", "globals-20260101T000000Z.sql", "app-20260101T000000Z.pg-dump-x",
		"app-20260101T000000Z.pg-dum" };
	static const char *const folders[] = { "db/", "", "db2/", "db/db/" };
	char *json = text_copy("{\n\t\"bkt\": [\n");
	struct { const char *key; bool old, mine; } upload[16];
	size_t n = 0;

	while (in->left > 0 && n < 16) {
		const char *folder = folders[fuzz_byte(in) % 8 < 5 ? 0 : fuzz_byte(in) % 4];
		const char *name = names[fuzz_byte(in) % 10];

		upload[n].old = fuzz_byte(in) % 4 != 0;
		upload[n].mine = strcmp(folder, "db/") == 0 && is_mine(NULL, name);
		upload[n].key = text_format("%s%s", folder, name);
		json = text_format("%s%s{\"Initiated\":\"%s\",\"Initiator\":{\"ID\":\"x\"},\"Key\":\"%s\",\"UploadId\":\"2~]}\"}", json,
		    n > 0 ? ",\n" : "", upload[n].old ? "2026-01-01T00:00:00.123Z" : "2027-01-15T07:00:00Z", upload[n].key);
		n++;
	}
	json = text_format("%s\n]}\n", json);
	answer = (struct input){ (const uint8_t *)json, strlen(json) };
	answer_rc = 0;
	remote.path = text_copy(PATH "bkt/db");
	MUST(remote_abort_uploads(&remote, 86400, 1800000000, is_mine, NULL) >= 0);
	for (size_t i = 0; i < cleaned.n; i++) {
		const char *key = cleaned.item[i] + strlen(PATH "bkt/");
		size_t hit = 0;

		for (size_t k = 0; k < n; k++)
			if (strncmp(upload[k].key, key, strlen(key)) == 0) {
				MUST(upload[k].mine && upload[k].old);
				hit++;
			}
		MUST(hit > 0);
	}
}

static void
check_sizes(struct input *in)
{
	int64_t size = (int64_t)(fuzz_number(in, 6)), parts = 1 + (int64_t)fuzz_number(in, 2) % 10000;
	int part = 0, concurrency = 0;

	remote_part_size(size, parts, &part, &concurrency);
	MUST(part >= 5 && part <= 5120 && concurrency >= 1 && concurrency <= 4);
	MUST(part * parts * MIB >= size || part == 5120);
	MUST(part * concurrency <= 96 || concurrency == 1);
	MUST(remote_decrypted_size(remote_encrypted_size(size)) == size);
	if (remote_decrypted_size(size) >= 0)
		MUST(remote_encrypted_size(remote_decrypted_size(size)) == size);
}

static void
check_rest(void)
{
	struct remote r = remote;

	r.path = text_copy("other:x");
	r.probed = false;
	MUST(remote_probe(&r) == 0 || answer_rc != 0);
	if (remote_encrypt(&r, "passphrase") == 0)
		MUST(*r.crypt != '\0' && strchr(r.crypt, '\n') == NULL);
	else
		MUST(r.crypt == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t mode = fuzz_byte(&in);

	piece = 1 + fuzz_byte(&in);
	answer_rc = mode & 64 ? 3 : mode & 128 ? 1 : 0;
	answer = in;
	cleaned = (struct list){ 0 };
	called = note_cleanup;
	switch (mode % 8) {
	case 0:
	case 1:
		check_list(mode & 8 ? "other:x" : PATH "bkt", mode & 16);
		break;
	case 2:
		check_uploads_any(mode & 8 ? PATH "bkt/db" : PATH "bkt");
		break;
	case 3:
	case 4:
		check_uploads_known(&in);
		break;
	case 5:
		check_sizes(&in);
		break;
	default:
		check_rest();
	}
	fuzz_reset();
	return 0;
}
