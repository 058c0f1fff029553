{{/* Placement's configuration: only the settings without a usable default. */}}
{{- define "conformance-library.configuration" -}}
[placement_database]
{{ include "conformance-library.oslo_connection" .Values.database }}
{{ include "conformance-library.keystone_authtoken" . }}
{{- end -}}
