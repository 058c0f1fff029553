{{/* Heat's configuration: only the settings without a usable default. */}}
{{- define "conformance-library.configuration" -}}
[DEFAULT]
{{ include "conformance-library.transport_url" . }}
auth_encryption_key = {{ include "conformance-library.text" (dict "path" "service.encryption_key" "value" .Values.service.encryption_key) }}
num_engine_workers = 1
{{ include "conformance-library.oslo_database" .Values.database }}
{{ include "conformance-library.keystone_authtoken" . }}
[trustee]
{{ include "conformance-library.identity_user" . }}
[clients_keystone]
auth_uri = {{ include "conformance-library.auth_url" . | trimSuffix "/v3" }}
{{- end -}}
