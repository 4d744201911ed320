#include "hint.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* clang-format off: a table */
static const struct {
	const char *said, *hint;
} hints[] = {
	{ "permission denied for tablespace",
	    "GRANT CREATE ON TABLESPACE it TO the user, or put all into the default one with --no-tablespaces" },
	{ "permission denied for database", "GRANT CONNECT ON DATABASE it TO the user" },
	{ "pg_restore*permission denied for",
	    "connect as the owner of the database or a superuser (PGUSER)" },
	{ "permission denied for",
	    "let the user read it: GRANT pg_read_all_data TO the user, or leave it out with DB_BACKUP_EXCLUDE_TABLES" },
	{ "row-level security", "use a user with BYPASSRLS, or one that owns the tables" },
	{ "permission denied to create",
	    "the user needs more rights: ALTER ROLE ... CREATEDB (or CREATEROLE), or connect as another (PGUSER)" },
	{ "could not extend file",
	    "the disk of the database server is full: make room there, and try again" },
	{ "could not write to file",
	    "the disk of the database server is full or broken: make room there, and try again" },
	{ "out of shared memory",
	    "one transaction needs a lock for each object: use --jobs, or --to for a new database, or raise max_locks_per_transaction of the server" },
	{ "violates foreign key constraint",
	    "tables are filled one after the other: drop the foreign keys first, or restore all into another database (--to)" },
	{ "other objects depend on it",
	    "restore it into another database (--to) and bring the rows over, or replace the whole database" },
	{ "must be owner of", "connect as the owner or a superuser (PGUSER)" },
	{ "must be member of role",
	    "connect as a superuser (PGUSER), or leave ownership out (--no-owner)" },
	{ "must be able to SET ROLE",
	    "connect as a superuser (PGUSER), or leave ownership out (--no-owner)" },
	{ "must be superuser", "connect as a superuser (PGUSER)" },
	{ "Must be superuser", "connect as a superuser (PGUSER)" },
	{ "unrecognized configuration parameter",
	    "pg_restore or the archive is newer than the server: restore into a newer server, or use the PostgreSQL client of the server's version" },
	{ "\" not found",
	    "name a table without its schema (--table invoices --schema billing); pg_restore --list shows what is there" },
	{ "input file is too short",
	    "the file is damaged: try another backup, or the same from another destination (--from)" },
	{ "does not appear to be a valid archive",
	    "it was not made by pg_dump --format=custom, or it is damaged" },
	{ "could not read from input file",
	    "the file is damaged: try another backup, or the same from another destination (--from)" },
	{ "could not uncompress data",
	    "the file is damaged: try another backup, or the same from another destination (--from)" },
	{ "could not decompress",
	    "the file is damaged: try another backup, or the same from another destination (--from)" },
	{ "No space left",
	    "free space, or lower DB_BACKUP_MAX_N; nothing that was stored before is touched" },
	{ "NoSuchBucket",
	    "create the bucket, or correct S3_BACKUP_BUCKET; this program never creates buckets" },
	{ "directory not found", "create the bucket or folder, or correct its name" },
	{ "SignatureDoesNotMatch", "check S3_SECRET_KEY" },
	{ "InvalidAccessKeyId", "check S3_ACCESS_KEY" },
	{ "AccessDenied",
	    "the credentials are known but not allowed to do this: check the policy of the key and the bucket" },
	{ "Forbidden: Forbidden",
	    "let the key read objects too (s3:GetObject): a backup counts only once its size was read back" },
	{ "status code: 403",
	    "check S3_ACCESS_KEY, S3_SECRET_KEY and what they are allowed to do" },
	{ "StatusCode: 403", "check S3_ACCESS_KEY, S3_SECRET_KEY and what they are allowed to do" },
	{ "403 Forbidden", "check S3_ACCESS_KEY, S3_SECRET_KEY and what they are allowed to do" },
	{ "unsupported version",
	    "the archive was made by a newer pg_dump: use the PostgreSQL client of that version or a newer one" },
	{ "is not available", "install the extension's package on the server first" },
	{ "could not open extension control file",
	    "install the extension's package on the server first" },
	{ "is being accessed by other users", "stop what uses it, and try again" },
	{ "already exists",
	    "restore into an empty database (--to), or drop what is there first (--clean)" },
	{ "failed to authenticate decrypted block",
	    "the passphrase is not the one it was encrypted with: set DB_BACKUP_PASSPHRASE to that one" },
	{ "certificate has expired",
	    "the server's certificate has expired: renew it there, and check the clock of this machine" },
	{ "x509",
	    "the server's certificate is not trusted: set RCLONE_CA_CERT to the file of its authority" },
	{ "certificate",
	    "the server's certificate is not trusted: check PGSSLROOTCERT, or RCLONE_CA_CERT" },
	{ "server gave HTTP response to HTTPS client",
	    "the endpoint speaks plain HTTP: write http:// before it" },
	{ "connection refused",
	    "check the address (S3_ENDPOINT or the remote) and that the server runs" },
	{ "no such host", "check the host name (S3_ENDPOINT or the remote)" },
	{ "didn't find section in config file",
	    "define the remote: RCLONE_CONFIG_NAME_TYPE and so on, or mount rclone.conf and set RCLONE_CONFIG" },
	{ "failed to finalise: InvalidRange",
	    "the upload has more parts than the server allows: set RCLONE_S3_MAX_UPLOAD_PARTS to its limit" }, /* Ceph */
	{ "part number must be",
	    "the upload has more parts than the server allows: set RCLONE_S3_MAX_UPLOAD_PARTS to its limit" },
	{ "unrecognized option", "check PGDUMP_OPTIONS against the version of pg_dump" },
	{ "tablespace*does not exist",
	    "make the tablespace, or put all into the default one with --no-tablespaces" },
	{ "could not set *default_tablespace",
	    "make the tablespace, or put all into the default one with --no-tablespaces" },
	{ "schema \"*\" does not exist",
	    "name the schema too (--schema) for a new database, or create it in the target first" },
	{ "role \"*\" does not exist",
	    "restore the roles first (--globals), or leave ownership out (--no-owner)" },
	{ "does not exist", "create it, or correct the name" },
	{ "no answer in time",
	    "the other side accepts connections but does not answer; see its log" },
	{ "server closed the connection", "the server went away; see its log" },
	{ "canceling statement due to lock timeout",
	    "another session holds a lock; try again later" },
	{ "could not access file", "install the extension's package on the server first" },
	{ "No such file or directory", "install the tool, or correct PATH" },
	{ "in a read-only transaction",
	    "connect to the primary server, or end default_transaction_read_only of the server, database or user" },
	{ "cannot execute", "make the tool executable, or correct PATH" },
	{ "killed by signal 9",
	    "most often memory ran out: see the kernel's log and the limits of the container" },
	{ "rclone: it wrote no byte",
	    "see what holds the other side up; DB_BACKUP_STALL_TIMEOUT says how long to wait" },
	{ "it wrote no byte",
	    "see in pg_stat_activity what the dump waits for; DB_BACKUP_STALL_TIMEOUT says how long to wait" },
	{ "no byte moved",
	    "see what holds the other side up; DB_BACKUP_STALL_TIMEOUT says how long to wait" },
	{ "what it wrote is no dump",
	    "check PGDUMP_OPTIONS, and that the pg_dump in PATH is PostgreSQL's" },
	{ "it wrote nothing",
	    "check PGDUMP_OPTIONS, and that the pg_dump in PATH is PostgreSQL's" },
	{ "SlowDown", "the server is overloaded or limits requests; try again later" },
};
/* clang-format on */

/* Whether the parts of words, apart by '*', are in said, one behind the other. */
static bool
fits(const char *said, const char *words)
{
	for (;; words++) {
		size_t n = strcspn(words, "*");
		const char *at = memmem(said, strlen(said), words, n);

		if (at == NULL)
			return false;
		said = at + n;
		words += n;
		if (*words == '\0')
			return true;
	}
}

const char *
hint_for(const char *said)
{
	for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
		if (fits(said, hints[i].said))
			return hints[i].hint;
	return NULL;
}

const char *
hint_for_errno(int e)
{
	switch (e) {
	case EROFS:
		return "mount it writable";
	case ENOSPC:
	case EDQUOT:
		return "free space, or lower DB_BACKUP_MAX_N; nothing that was stored before is touched";
	case ENOTDIR:
	case ENOENT:
		return "check DB_BACKUP_DIR";
	case EEXIST:
		return "something else writes there: give each its own directory or DB_BACKUP_PREFIX";
	default:
		return "see the kernel's log about this disk or mount";
	}
}
