/* lib/remote.c: what can be told without rclone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* after the above */
#include <cmocka.h>

#include "../../lib/remote.h"

#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)
#define TIB (INT64_C(1) << 40)

/* For any size: it fits the part limit, S3's own bounds, and memory as far as one part allows. */
static void
test_part_size(void **state)
{
	static const int64_t limits[] = { 10000, 1000, 100, 10 };
	static const int64_t sizes[] = { 0, 1, 5 * MIB, GIB, 4 * GIB, 4 * GIB + 1, 48 * GIB, 50 * GIB, 500 * GIB, 5 * TIB };

	(void)state;
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
		for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
			int part = 0, concurrency = 0;

			remote_part_size(sizes[k], limits[i], &part, &concurrency);
			assert_in_range(part, 5, 5120);
			assert_in_range(concurrency, 1, 4);
			assert_true(part * limits[i] * MIB >= sizes[k] || part == 5120);
			assert_true(part * concurrency <= 96 || concurrency == 1);
			/* no larger than needed, for a floor of 4 GiB */
			assert_true(part == 5 || (part - 1) * limits[i] * MIB < (sizes[k] > 4 * GIB ? sizes[k] : 4 * GIB));
		}
}

static void
test_encrypted_size(void **state)
{
	static const int64_t cases[][2] = {
		/* measured with rclone crypt */
		{ 0, 32 }, { 1, 49 }, { 65536, 65584 }, { 65537, 65601 }, { 131072, 131136 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(remote_encrypted_size(cases[i][0]), cases[i][1]);
}

static const char *
value(const struct remote *r, const char *name)
{
	const char *found = NULL;
	size_t n = strlen(name);

	for (size_t i = 0; i < r->env.n; i++)
		if (strncmp(r->env.item[i], name, n) == 0 && r->env.item[i][n] == '=') {
			assert_null(found); /* twice: which one counts? */
			found = r->env.item[i] + n + 1;
		}
	return found;
}

static void
free_remote(struct remote *r)
{
	list_free(&r->env);
	free(r->path);
}

static void
clear_environment(void)
{
	const char *output = getenv("CMOCKA_MESSAGE_OUTPUT");

	output = output == NULL ? "STDOUT" : strdup(output);
	clearenv();
	setenv("CMOCKA_MESSAGE_OUTPUT", output, 1);
}

static void
test_environment(void **state)
{
	struct remote_s3 s3 = { "s3.example.org:9000", "AK", "SK", "bucket/path/", NULL, NULL };
	struct remote r;

	(void)state;
	clear_environment();
	setenv("PGPASSWORD", "x", 1);
	setenv("DB_BACKUP_PASSPHRASE", "x", 1);
	setenv("S3_SECRET_KEY", "x", 1);
	setenv("AWS_CA_BUNDLE", "/ca.pem", 1);
	setenv("AWS_PROFILE", "other", 1);
	setenv("RCLONE_TIMEOUT", "7s", 1);
	remote_init_s3(&r, &s3, "folder");
	assert_string_equal(r.path, "s3backup:bucket/path/folder");
	assert_string_equal(value(&r, "RCLONE_CONFIG_S3BACKUP_ENDPOINT"), "https://s3.example.org:9000");
	assert_string_equal(value(&r, "AWS_ACCESS_KEY_ID"), "AK");
	assert_string_equal(value(&r, "AWS_SECRET_ACCESS_KEY"), "SK");
	assert_string_equal(value(&r, "RCLONE_CA_CERT"), "/ca.pem");
	assert_string_equal(value(&r, "RCLONE_TIMEOUT"), "7s"); /* the user's wins */
	assert_string_equal(value(&r, "RCLONE_S3_NO_CHECK_BUCKET"), "true");
	assert_string_equal(value(&r, "RCLONE_S3_PROVIDER"), "Other");
	assert_null(value(&r, "AWS_CA_BUNDLE"));
	assert_null(value(&r, "AWS_PROFILE"));
	assert_null(value(&r, "PGPASSWORD"));
	assert_null(value(&r, "DB_BACKUP_PASSPHRASE"));
	assert_null(value(&r, "S3_SECRET_KEY"));
	free_remote(&r);

	/* without keys, rclone finds its own: what AWS_* says is then wanted */
	s3.access_key = s3.secret_key = NULL;
	remote_init_s3(&r, &s3, "");
	assert_string_equal(value(&r, "AWS_PROFILE"), "other");
	assert_null(value(&r, "AWS_SECRET_ACCESS_KEY"));
	free_remote(&r);
}

static void
test_provider(void **state)
{
	static const char *const cases[][2] = {
		{ "s3.amazonaws.com", "AWS" }, { "https://s3.eu-central-1.amazonaws.com", "AWS" },
		{ "https://s3.cn-north-1.amazonaws.com.cn/", "AWS" }, { "S3.AmazonAWS.com:443", "AWS" },
		{ "amazonaws.com", "AWS" }, { "https://amazonaws.com.evil.org", "Other" }, { "notamazonaws.com", "Other" },
		{ "http://minio:9000", "Other" },
	};

	(void)state;
	clear_environment();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct remote r;

		remote_init_s3(&r, &(struct remote_s3){ cases[i][0], "AK", "SK", "bucket", NULL, NULL }, "");
		assert_string_equal(value(&r, "RCLONE_S3_PROVIDER"), cases[i][1]);
		free_remote(&r);
	}
}

static void
test_path(void **state)
{
	static const char *const cases[][3] = {
		{ "r:", "", "r:" }, { "r:", "f", "r:f" }, { "r:a", "", "r:a" }, { "r:a/", "f/g", "r:a/f/g" },
		{ "r:/abs//", "", "r:/abs" }, { "r:/", "", "r:/" }, { "r:/", "f", "r:/f" }, { "r://", "", "r:/" }, { "/", "f", "/f" },
	};

	(void)state;
	clear_environment();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct remote r;

		remote_init(&r, cases[i][0], cases[i][1]);
		assert_string_equal(r.path, cases[i][2]);
		free_remote(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_part_size),
		cmocka_unit_test(test_encrypted_size),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_provider),
		cmocka_unit_test(test_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
