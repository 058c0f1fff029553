{{/*
Designate's configuration: only the settings without a usable default.

Its migrations read `connection` alone. So the account and the database are parameters of the URL.
*/}}
{{- define "conformance-library.configuration" -}}
[DEFAULT]
{{ include "conformance-library.transport_url" . }}
state_path = /tmp
[service:central]
workers = 1
[storage:sqlalchemy]
connection = {{ include "conformance-library.database_url" .Values.database }}
{{ include "conformance-library.keystone_authtoken" . }}
{{- end -}}

{{/*
Overrides the library's template: the program that migrates the schema reads a % in `connection` as configparser's
interpolation, where %% means %. So it reads a second file.
*/}}
{{- define "conformance-library.content.etc" -}}
{{- $url := include "conformance-library.database_url" .Values.database -}}
{{- dict
  "designate.conf" (printf "%s\n" (include "conformance-library.configuration" . | trim))
  "migration.conf" (printf "[storage:sqlalchemy]\nconnection = %s\n" ($url | replace "%" "%%"))
  "api-paste.ini" (.Files.Get "files/etc/api-paste.ini")
  | toJson -}}
{{- end -}}
