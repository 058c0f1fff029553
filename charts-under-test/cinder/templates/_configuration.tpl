{{/* Cinder's configuration: only the settings without a usable default. */}}
{{- define "conformance-library.configuration" -}}
[DEFAULT]
{{ include "conformance-library.transport_url" . }}
# One name for all pods, so that a new one takes the entry of its predecessor in the table of services.
host = {{ include "conformance-library.fullname" . }}
state_path = /tmp
# The scheduler waits as long for volume services after its start.
periodic_interval = 5
[oslo_policy]
# As newer versions do. Otherwise older ones warn of each rule.
enforce_new_defaults = true
[oslo_concurrency]
lock_path = /tmp
{{ include "conformance-library.oslo_database" .Values.database }}
{{ include "conformance-library.keystone_authtoken" . }}
{{- end -}}
