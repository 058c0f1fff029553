/* What youki lacks as a static program. */
#include <nss.h>

/*
 * It asks for the home of a container's user inside the container, and would
 * die of the modules that the image's nsswitch.conf names (sss, systemd): they
 * are made for another C library. /etc/passwd will do, as it does for crun.
 */
__attribute__((constructor)) static void files_only(void) {
  __nss_configure_lookup("passwd", "files");
}

/* Debian 13's libelf.a calls these and has none. Nothing here reads ELF files. */
__attribute__((weak)) void eu_search_tree_init(void) {}
__attribute__((weak)) void eu_search_tree_fini(void) {}
