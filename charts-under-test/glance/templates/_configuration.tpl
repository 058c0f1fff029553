{{/* Glance's configuration: only the settings without a usable default. The images are files in one directory. */}}
{{- define "conformance-library.configuration" -}}
[DEFAULT]
enabled_backends = files:file
# The default of older versions is eventlet's server, which prepares a directory of its own.
enabled_import_methods = []
[glance_store]
default_backend = files
[files]
filesystem_store_datadir = /var/lib/glance/images
[os_glance_staging_store]
filesystem_store_datadir = /var/lib/glance/staging
[os_glance_tasks_store]
filesystem_store_datadir = /var/lib/glance/tasks
{{ include "conformance-library.oslo_database" .Values.database }}
{{ include "conformance-library.keystone_authtoken" . }}
[paste_deploy]
flavor = keystone
config_file = /etc/glance/glance-api-paste.ini
{{- end -}}
