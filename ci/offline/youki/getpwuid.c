/*
 * getpwuid_r for a program that is linked statically and asks inside a container's root.
 *
 * youki 0.7.0 asks for the home directory of a container's user there, where HOME is unset. glibc's own getpwuid_r then
 * loads the modules that the image's /etc/nsswitch.conf names (systemd, sss), built for another C library, and youki
 * ends with SIGFPE or SIGSEGV. This one reads /etc/passwd only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pwd.h>
#include <stdio.h>

int getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size, struct passwd **result)
{
	FILE *accounts = fopen("/etc/passwd", "re");
	int failure = 0;

	*result = NULL;
	if (!accounts)
		return 0; /* as for a file without the account */
	do {
		failure = fgetpwent_r(accounts, entry, buffer, size, result);
	} while (!failure && entry->pw_uid != uid);
	fclose(accounts);
	if (failure)
		*result = NULL;
	return failure == ENOENT ? 0 : failure;
}
