#include "remote.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "json.h"
#include "log.h"
#include "name.h"

#define PATH "s3backup:"
#define MIB (INT64_C(1) << 20)
#define PART_MIN_MIB 5       /* S3's least, rclone's default */
#define UPLOAD_MEMORY_MIB 96 /* parts in flight, all together */
#define UPLOAD_CONCURRENCY 4
#define VERSION_LIMIT_MS 30000
#define FETCH_STEP_MS 250
#define UPPER_BOUND_MIN (4096 * MIB) /* an estimate may be far off */
#define NOT_ABORTED                                                                                \
	"failed to remove pending multipart upload" /* rclone says so, and exits with 0 */
#define RC_NO_DIRECTORY 3 /* rclone's exit status, the same in both versions */

/* What rclone and the backends' own libraries read; nothing of PostgreSQL's or ours. */
static const char *const passed[] = {
	"RCLONE_*",
	"AWS_*",
	"GOOGLE_*",
	"AZURE_*",
	"OS_*",
	"ST_*",
	"PATH",
	"HOME",
	"USER",
	"LOGNAME",
	"TZ",
	"TMPDIR",
	"XDG_*",
	"SSL_CERT_FILE",
	"SSL_CERT_DIR",
	"SSH_AUTH_SOCK",
	"HTTP_PROXY",
	"HTTPS_PROXY",
	"NO_PROXY",
	"http_proxy",
	"https_proxy",
	"no_proxy",
	"KRB5*",
	"GODEBUG",
	NULL,
};

/* The value of a variable in a list "NAME=value", or NULL. */
static const char *
env_get(const struct list *env, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->item[i], name, n) == 0 && env->item[i][n] == '=')
			return env->item[i] + n + 1;
	return NULL;
}

static void
env_default(struct list *env, const char *name, const char *value)
{
	if (env_get(env, name) == NULL)
		list_addf(env, "%s=%s", name, value);
}

static void
env_remove(struct list *env, const char *prefix)
{
	struct list kept = { 0 };

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->item[i], prefix, strlen(prefix)) != 0)
			list_add(&kept, env->item[i]);
	list_free(env);
	*env = kept;
}

void
remote_init(struct remote *r, const char *path, const char *folder)
{
	const char *ca, *parts;
	size_t n = strlen(path);

	*r = (struct remote){ .max_parts = 10000, .limit_ms = 15 * 60 * 1000 };
	/* "nas:/" is another place than "nas:" */
	while (n > 1 && path[n - 1] == '/' && path[n - 2] != ':')
		n--;
	r->path = text_format("%.*s%s%s", (int)n, path,
	    *folder == '\0' || strchr(":/", path[n - 1]) != NULL ? "" : "/", folder);
	process_env_pass(&r->env, passed);
	/* rclone 1.60 cannot start with AWS_CA_BUNDLE; this works in all versions */
	if ((ca = env_get(&r->env, "AWS_CA_BUNDLE")) != NULL)
		env_default(&r->env, "RCLONE_CA_CERT", ca);
	env_remove(&r->env, "AWS_CA_BUNDLE=");
	/* rclone takes only one of the three */
	if (env_get(&r->env, "RCLONE_VERBOSE") == NULL && env_get(&r->env, "RCLONE_QUIET") == NULL)
		env_default(&r->env, "RCLONE_LOG_LEVEL", "ERROR");
	env_default(&r->env, "RCLONE_ASK_PASSWORD", "false");
	/* with rclone's own defaults a dead endpoint takes up to 10 minutes to fail */
	env_default(&r->env, "RCLONE_RETRIES", "1");
	env_default(&r->env, "RCLONE_LOW_LEVEL_RETRIES", "3");
	env_default(&r->env, "RCLONE_CONTIMEOUT", "10s");
	env_default(&r->env, "RCLONE_TIMEOUT", "60s");
	/* else rclone creates a bucket that is missing, and fails where it may not */
	env_default(&r->env, "RCLONE_S3_NO_CHECK_BUCKET", "true");
	r->own_part_size = env_get(&r->env, "RCLONE_S3_CHUNK_SIZE") != NULL;
	if ((parts = env_get(&r->env, "RCLONE_S3_MAX_UPLOAD_PARTS")) != NULL)
		text_number(parts, 1, 10000, &r->max_parts);
}

static const char *
default_provider(const char *endpoint)
{
	static const char *const aws[] = { "amazonaws.com", "amazonaws.com.cn" };
	const char *host = strstr(endpoint, "://") ? strstr(endpoint, "://") + 3 : endpoint;
	size_t n = strcspn(host, ":/");

	for (size_t i = 0; i < sizeof aws / sizeof aws[0]; i++) {
		size_t m = strlen(aws[i]);

		if (n >= m && strncasecmp(host + n - m, aws[i], m) == 0 &&
		    (n == m || host[n - m - 1] == '.'))
			return "AWS";
	}
	return "Other";
}

void
remote_init_s3(struct remote *r, const struct remote_s3 *s3, const char *folder)
{
	char *path = text_format(PATH "%s", s3->bucket);
	const char *token;

	remote_init(r, path, folder);
	free(path);
	env_default(&r->env, "RCLONE_CONFIG", "/dev/null");
	list_add(&r->env, "RCLONE_CONFIG_S3BACKUP_TYPE=s3");
	list_addf(&r->env, "RCLONE_CONFIG_S3BACKUP_ENDPOINT=%s%s",
	    strstr(s3->endpoint, "://") == NULL ? "https://" : "", s3->endpoint);
	if (s3->access_key != NULL) {
		/* whatever else AWS_* says belongs to other credentials */
		env_remove(&r->env, "AWS_");
		list_add(&r->env, "RCLONE_CONFIG_S3BACKUP_ENV_AUTH=true");
		list_addf(&r->env, "AWS_ACCESS_KEY_ID=%s", s3->access_key);
		list_addf(&r->env, "AWS_SECRET_ACCESS_KEY=%s", s3->secret_key);
		if ((token = env_get(&r->env, "RCLONE_S3_SESSION_TOKEN")) != NULL)
			list_addf(&r->env, "AWS_SESSION_TOKEN=%s", token);
	}
	env_default(&r->env, "RCLONE_S3_PROVIDER",
	    s3->provider != NULL ? s3->provider : default_provider(s3->endpoint));
	if (s3->region != NULL)
		env_default(&r->env, "RCLONE_S3_REGION", s3->region);
}

/* "PATH" and what joins it to a name. */
static char *
path_of(const struct remote *r, const char *name)
{
	return text_format(
	    "%s%s%s", r->path, strchr(":/", r->path[strlen(r->path) - 1]) != NULL ? "" : "/", name);
}

/*
 * Run rclone with words (NULL-ended) and, as its last argument, our folder or
 * one name in it. 0 if it exited with 0, else why has the reason.
 */
static int
run(struct remote *r, struct process *p, const char *const *words, const char *name,
    const char *input, process_output *out, void *arg, bool heed_stop)
{
	struct list argv = { 0 };
	char *path = path_of(r, name);
	int rc;

	list_add(&argv, "rclone");
	for (; *words != NULL; words++)
		list_add(&argv, *words);
	list_add(&argv, path);
	free(path);
	rc = process_run(p,
	    &(struct process_spec){ .name = "rclone",
		.argv = &argv,
		.env = &r->env,
		.quiet = true,
		.phrase = NOT_ABORTED },
	    input, out, arg, r->limit_ms, heed_stop);
	list_free(&argv);
	r->missing = process_missing(p);
	if (p->phrase_seen)
		rc = -1;
	if (rc == -1)
		snprintf(r->why, sizeof r->why, "rclone %s", process_words(p));
	return rc;
}

/* What names the files of a call: one a line. */
static char *
lines(const struct list *names)
{
	size_t n = 1;
	char *text, *at;

	for (size_t i = 0; i < names->n; i++)
		n += strlen(names->item[i]) + 1;
	at = text = text_alloc(n);
	for (size_t i = 0; i < names->n; i++) {
		at = stpcpy(at, names->item[i]);
		*at++ = '\n';
	}
	return text;
}

int
remote_version(char *out, size_t size)
{
	static const char *const all[] = { "PATH", "HOME", "TMPDIR", NULL };
	struct process_text printed = { 0 };
	const char *version = printed.text;
	struct list argv = { 0 }, env = { 0 };
	struct process p;
	int rc;

	list_words(&argv, "rclone", "version");
	process_env_pass(&env, all);
	list_add(&env, "RCLONE_CONFIG=/dev/null");
	rc = process_run(&p,
	    &(struct process_spec){ .name = "rclone", .argv = &argv, .env = &env, .quiet = true },
	    NULL, process_keep, &printed, VERSION_LIMIT_MS, true);
	if (rc == 0 && strncmp(version, "rclone v", 8) == 0) {
		snprintf(out, size, "%.*s", (int)strcspn(version + 8, " \n"), version + 8);
	} else {
		snprintf(out, size, "%s", *p.said ? p.said : process_fate(&p));
		rc = -1;
	}
	list_free(&argv);
	list_free(&env);
	return rc;
}

int
remote_probe(struct remote *r)
{
	static const char *const words[] = { "backend", "features", NULL };
	struct process_text features = { 0 };
	struct process p;

	if (r->probed || strncmp(r->path, PATH, strlen(PATH)) == 0)
		return 0;
	if (run(r, &p, words, "", NULL, process_keep, &features, true) == -1)
		return -1;
	r->hides = strstr(features.text, "\"Move\": true") != NULL;
	r->spools = strstr(features.text, "\"PutStream\": false") != NULL;
	r->probed = true;
	return 0;
}

/* Base64 for URLs, without padding, of 16 random bytes and the passphrase: anything else is an accident. */
static bool
is_obscured(const char *text, const char *passphrase)
{
	size_t n = strlen(text);

	return n == ((16 + strlen(passphrase)) * 4 + 2) / 3 &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
		   n;
}

int
remote_encrypt(struct remote *r, const char *passphrase)
{
	struct list argv = { 0 };
	struct process_text obscured = { 0 };
	char *input = text_format("%s\n", passphrase);
	struct process p;
	int rc;

	list_words(&argv, "rclone", "obscure", "-");
	rc = process_run(&p,
	    &(struct process_spec){
		.name = "rclone", .argv = &argv, .env = &r->env, .quiet = true },
	    input, process_keep, &obscured, r->limit_ms, true);
	explicit_bzero(input, strlen(input));
	free(input);
	list_free(&argv);
	obscured.text[strcspn(obscured.text, "\n")] = '\0';
	r->missing = process_missing(&p);
	if (rc == -1)
		snprintf(r->why, sizeof r->why, "rclone obscure %s", process_words(&p));
	else if (!is_obscured(obscured.text, passphrase)) {
		snprintf(r->why, sizeof r->why,
		    "what rclone obscure made of the passphrase cannot be it");
		rc = -1;
	} else {
		r->crypt = text_copy(obscured.text);
		log_secret(r->crypt); /* as good as the passphrase, and rclone's debug log has it */
	}
	explicit_bzero(obscured.text, sizeof obscured.text);
	return rc;
}

int64_t
remote_encrypted_size(int64_t size_bytes)
{
	const int64_t header = 32, block = 65536, tag = 16;

	return header + size_bytes + (size_bytes + block - 1) / block * tag;
}

int64_t
remote_decrypted_size(int64_t size_bytes)
{
	int64_t body = size_bytes - 32;
	int64_t plain = body - (body + 65551) / 65552 * 16;

	return body >= 0 && plain >= 0 && remote_encrypted_size(plain) == size_bytes ? plain : -1;
}

/* The name of a file in folder_and_env: through crypt without the .bin, which that adds itself. */
static char *
name_there(const char *name, bool crypt)
{
	return text_format("%.*s", (int)(strlen(name) - (crypt ? strlen(".bin") : 0)), name);
}

/* The folder, to be joined to a name, and the environment to reach it, through crypt or not. */
static char *
folder_and_env(const struct remote *r, bool crypt, struct list *env)
{
	static const char salt[] = "RCLONE_CRYPT_PASSWORD2=";

	/* the salt is the one setting of crypt that is not ours: others could even turn it off */
	for (size_t i = 0; i < r->env.n; i++)
		if (strncmp(r->env.item[i], "RCLONE_CRYPT_", strlen("RCLONE_CRYPT_")) != 0 ||
		    strncmp(r->env.item[i], salt, strlen(salt)) == 0)
			list_add(env, r->env.item[i]);
	if (!crypt)
		return path_of(r, "");
	list_addf(env, "RCLONE_CRYPT_REMOTE=%s", r->path);
	list_addf(env, "RCLONE_CRYPT_PASSWORD=%s", r->crypt);
	list_words(env, "RCLONE_CRYPT_FILENAME_ENCRYPTION=off",
	    "RCLONE_CRYPT_DIRECTORY_NAME_ENCRYPTION=false");
	return text_copy(":crypt:");
}

/* Both in one. */
static char *
path_and_env(const struct remote *r, const char *name, bool crypt, struct list *env)
{
	char *folder = folder_and_env(r, crypt, env), *file = name_there(name, crypt),
	     *path = text_format("%s%s", folder, file);

	free(folder);
	free(file);
	return path;
}

struct list_call {
	struct json_array json;
	struct listing *out;
	bool bad;
};

static void
list_member(void *arg, const char *object)
{
	struct list_call *c = arg;
	char name[4096];
	int64_t size;

	if (json_string(object, "Path", name, sizeof name) == -1 ||
	    json_number(object, "Size", &size) == -1)
		c->bad = true;
	else
		listing_add(c->out, name, size);
}

static int
list_output(void *arg, const char *data, size_t n)
{
	struct list_call *c = arg;

	json_feed(&c->json, data, n, list_member, c);
	return 0; /* what is broken is told at the end; rclone has to come to its own */
}

/* lsjson; without names the whole folder. -1 also if the list has no end: then it is not whole. */
static int
lsjson(struct remote *r, const char *const *words, const char *input, struct listing *out)
{
	struct list_call *c = text_alloc(sizeof *c);
	struct process p;
	int rc;

	c->out = out;
	rc = run(r, &p, words, "", input, list_output, c, true);
	if (rc == -1 && r->hides && WIFEXITED(p.status) &&
	    WEXITSTATUS(p.status) == RC_NO_DIRECTORY) {
		rc =
		    0; /* a folder not made yet; in an object store it is the bucket that is missing */
	} else if (rc == 0 && (c->bad || c->json.broken || !c->json.ended)) {
		snprintf(r->why, sizeof r->why, "rclone's list of files cannot be read");
		rc = -1;
	}
	if (rc == -1)
		listing_free(out);
	free(c);
	return rc;
}

int
remote_list(struct remote *r, struct listing *out)
{
	/* server times: else one more request for each object */
	static const char *const words[] = { "lsjson", "--files-only", "--max-depth", "1",
		"--no-mimetype", "--use-server-modtime", NULL };

	return remote_probe(r) == -1 ? -1 : lsjson(r, words, NULL, out);
}

int64_t
remote_size(struct remote *r, const char *name)
{
	/* not --stat: it reports absent objects with success */
	static const char *const words[] = { "lsjson", "--no-mimetype", "--use-server-modtime",
		"--no-traverse", "--files-from-raw", "-", NULL };
	struct listing found = { 0 };
	char *input = text_format("%s\n", name);
	const struct object *o;
	int64_t size = -2;

	if (lsjson(r, words, input, &found) == 0) {
		o = listing_find(&found, name);
		size = o == NULL ? -1 : o->size_bytes;
	}
	listing_free(&found);
	free(input);
	return size;
}

int
remote_delete(struct remote *r, const struct list *names)
{
	static const char *const words[] = { "delete", "--no-traverse", "--files-from-raw", "-",
		NULL };
	struct process p;
	char *input = lines(names);
	int rc = run(r, &p, words, "", input, NULL, NULL, false);

	free(input);
	return rc;
}

struct uploads_call {
	struct json_array json;
	struct list old, young; /* keys */
	time_t before;
	bool bad;
};

static void
uploads_member(void *arg, const char *object)
{
	struct uploads_call *c = arg;
	char key[4096], begun[64];
	struct tm tm = { 0 };

	if (json_string(object, "Key", key, sizeof key) == -1 ||
	    json_string(object, "Initiated", begun, sizeof begun) == -1 ||
	    strptime(begun, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
		c->bad = true;
	else
		list_add(timegm(&tm) < c->before ? &c->old : &c->young, key);
}

/* { "bucket": [ uploads ] }: the array in it */
static int
uploads_output(void *arg, const char *data, size_t n)
{
	struct uploads_call *c = arg;

	for (size_t i = 0; i < n && !c->json.ended; i++)
		if (c->json.begun || data[i] == '[')
			json_feed(&c->json, data + i, 1, uploads_member, c);
	return 0;
}

/* The file name of a key, if it lies in the folder and in none below it; else NULL. */
static const char *
name_in(const char *folder, const char *key)
{
	size_t n = folder == NULL ? 0 : strlen(folder);

	if (n > 0 && (strncmp(key, folder, n) != 0 || key[n++] != '/'))
		return NULL;
	return key[n] == '\0' || strchr(key + n, '/') != NULL ? NULL : key + n;
}

/* Whether another upload, which is not for us to abort, has a key that begins with this one. */
static bool
shields(const struct list *others, const char *key, const char *folder,
    bool (*mine)(void *arg, const char *name), void *arg)
{
	for (size_t i = 0; i < others->n; i++) {
		const char *name = name_in(folder, others->item[i]);

		if (strncmp(others->item[i], key, strlen(key)) == 0 &&
		    (mine == NULL || name == NULL || !mine(arg, name)))
			return true;
	}
	return false;
}

int
remote_abort_uploads(
    struct remote *r, long age_s, time_t now, bool (*mine)(void *arg, const char *name), void *arg)
{
	static const char *const words[] = { "backend", "list-multipart-uploads", NULL };
	const char *slash = strchr(r->path, '/'), *folder = slash == NULL ? NULL : slash + 1, *name;
	struct uploads_call *c;
	struct process p;
	char age[48];
	int n;

	if (strncmp(r->path, PATH, strlen(PATH)) != 0)
		return 0;
	snprintf(age, sizeof age, "max-age=%lds", age_s);
	c = text_alloc(sizeof *c);
	c->before = now - age_s;
	n = run(r, &p, words, "", NULL, uploads_output, c, true);
	if (n == 0 && (c->bad || c->json.broken || c->json.begun != c->json.ended)) {
		snprintf(r->why, sizeof r->why, "rclone's list of uploads cannot be read");
		n = -1;
	}
	/* rclone aborts by age and what keys begin with, not one upload: so all that it would hit have to be ours */
	for (size_t i = 0; n >= 0 && i < c->old.n && process_stopping() == 0; i++)
		if ((name = name_in(folder, c->old.item[i])) != NULL && mine(arg, name) &&
		    !shields(&c->young, c->old.item[i], folder, NULL, NULL) &&
		    !shields(&c->old, c->old.item[i], folder, mine, arg))
			n = run(r, &p,
				(const char *const[]){ "backend", "-o", age, "cleanup", NULL },
				name, NULL, NULL, NULL, true) == -1 ?
				-1 :
				n + 1;
	list_free(&c->old);
	list_free(&c->young);
	free(c);
	return n;
}

void
remote_part_size(int64_t upper_bound, int64_t max_parts, int *part_mib, int *concurrency)
{
	int64_t bytes = upper_bound > UPPER_BOUND_MIN ? upper_bound : UPPER_BOUND_MIN;
	int64_t part = (bytes + max_parts * MIB - 1) / (max_parts * MIB);

	if (part < PART_MIN_MIB)
		part = PART_MIN_MIB;
	if (part > 5120)
		part = 5120; /* S3's most */
	*part_mib = (int)part;
	*concurrency = part * UPLOAD_CONCURRENCY <= UPLOAD_MEMORY_MIB ? UPLOAD_CONCURRENCY :
		       part * 2 <= UPLOAD_MEMORY_MIB ? (int)(UPLOAD_MEMORY_MIB / part) :
						       1;
}

/* The name to upload to; NAME_SIZE bytes. */
static const char *
upload_name(const struct remote *r, const char *name, char *hidden)
{
	return r->hides && name_hide(hidden, NAME_SIZE, name) == 0 ? hidden : name;
}

int
remote_upload(
    struct remote *r, struct process *p, const char *name, int64_t upper_bound, bool encrypt)
{
	struct list argv = { 0 }, env = { 0 };
	char hidden[NAME_SIZE];
	int pair[2], part_mib, concurrency, rc, e;
	char *path;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	path = path_and_env(r, upload_name(r, name, hidden), encrypt, &env);
	list_words(&argv, "rclone", "rcat", path);
	free(path);
	remote_part_size(upper_bound, r->max_parts, &part_mib, &concurrency);
	if (!r->own_part_size)
		list_addf(&env, "RCLONE_S3_CHUNK_SIZE=%dM", part_mib);
	if (!r->own_part_size && env_get(&env, "RCLONE_S3_UPLOAD_CONCURRENCY") == NULL)
		list_addf(&env, "RCLONE_S3_UPLOAD_CONCURRENCY=%d", concurrency);
	rc = process_start(
	    p, &(struct process_spec){
		   .name = "rclone", .argv = &argv, .env = &env, .in = pair[0], .extra = pair[1] });
	e = errno;
	list_free(&argv);
	list_free(&env);
	close(pair[0]);
	if (rc == 0 && fcntl(pair[1], F_SETFL, O_NONBLOCK) == 0)
		return pair[1];
	e = rc == 0 ? errno : e;
	process_end(p, 0);
	close(pair[1]);
	errno = e;
	return -1;
}

int
remote_download(struct remote *r, struct process *p, const char *name, bool decrypt)
{
	struct list argv = { 0 }, env = { 0 };
	char *folder = folder_and_env(r, decrypt, &env), *input = name_there(name, decrypt);
	int in, out[2] = { -1, -1 }, rc = -1, e;

	/* not by path: of an absent object rclone makes no bytes and success */
	list_words(&argv, "rclone", "cat", "--no-traverse", "--files-from-raw", "-",
	    "--error-on-no-transfer", folder);
	in = process_memory_file(input);
	if (in != -1 && pipe2(out, O_CLOEXEC) == 0)
		rc = process_start(
		    p, &(struct process_spec){
			   .name = "rclone", .argv = &argv, .env = &env, .in = in, .out = out[1] });
	e = errno;
	list_free(&argv);
	list_free(&env);
	free(folder);
	free(input);
	if (in != -1)
		close(in);
	if (out[1] != -1)
		close(out[1]);
	if (rc == -1 && out[0] != -1)
		close(out[0]);
	errno = e;
	return rc == -1 ? -1 : out[0];
}

/*
 * What changes whenever something is written into a directory. Lengths alone do not: rclone may
 * allocate a file at once, fill it from several places, and call it otherwise until the end.
 */
static int64_t
directory_state(const char *directory)
{
	DIR *d = opendir(directory);
	struct dirent *e;
	struct stat st;
	int64_t sum = 0;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (fstatat(dirfd(d), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
			sum += st.st_size + st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
	if (d != NULL)
		closedir(d);
	return sum;
}

int
remote_fetch(struct remote *r, const char *name, bool decrypt, const char *directory,
    const char *file, int64_t stall_ms)
{
	struct list argv = { 0 }, env = { 0 };
	char *from = path_and_env(r, name, decrypt, &env), stalled[64] = "", time[32];
	int64_t state = -1, now, moved_ms = process_clock_ms();
	struct process p;
	int rc;

	list_words(&argv, "rclone", "copyto", from);
	list_addf(&argv, "%s/%s", directory, file);
	rc = process_start(
	    &p, &(struct process_spec){ .name = "rclone", .argv = &argv, .env = &env });
	while (rc == 0 && *stalled == '\0' &&
	       process_wait(&p, (now = process_clock_ms()) + FETCH_STEP_MS, true) == -1 &&
	       process_stopping() == 0) {
		int64_t seen = directory_state(directory);

		if (seen != state)
			moved_ms = now;
		else if (stall_ms > 0 && now - moved_ms >= stall_ms)
			snprintf(stalled, sizeof stalled, "no byte moved for %s",
			    text_duration(time, sizeof time, stall_ms));
		state = seen;
	}
	process_end(&p, 5000);
	r->missing = process_missing(&p);
	if (rc == -1 || !process_succeeded(&p)) {
		snprintf(r->why, sizeof r->why, "rclone%s %s%s%s", *stalled ? ":" : "",
		    *stalled ? stalled : process_fate(&p), *p.said ? ": " : "", p.said);
		rc = -1;
	}
	free(from);
	list_free(&argv);
	list_free(&env);
	return rc;
}

int
remote_publish(struct remote *r, const char *name)
{
	char hidden[NAME_SIZE];
	struct process p;
	char *from;
	int rc;

	if (upload_name(r, name, hidden) == name)
		return 0;
	from = path_of(r, hidden);
	rc = run(
	    r, &p, (const char *const[]){ "moveto", from, NULL }, name, NULL, NULL, NULL, false);
	free(from);
	return rc;
}

int
remote_discard(struct remote *r, const char *name, bool published)
{
	struct list names = { 0 };
	char hidden[NAME_SIZE];
	int rc;

	list_add(&names, upload_name(r, name, hidden));
	if (published && strcmp(names.item[0], name) != 0)
		list_add(&names, name);
	rc = remote_delete(r, &names);
	list_free(&names);
	return rc;
}
