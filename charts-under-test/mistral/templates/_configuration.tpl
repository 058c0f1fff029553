{{/*
Mistral's configuration: only the settings without a usable default. The program that migrates knows no connection_parameters.
*/}}
{{- define "conformance-library.configuration" -}}
[DEFAULT]
{{ include "conformance-library.transport_url" . }}
[cron_trigger]
# The API would run them in a thread of eventlet, which another server than its own does not have.
enabled = false
[database]
connection = {{ include "conformance-library.database_url" .Values.database }}
{{ include "conformance-library.keystone_authtoken" . }}
{{- end -}}
