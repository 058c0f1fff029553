{{/* Senlin's configuration: only the settings without a usable default. */}}
{{- define "conformance-library.configuration" -}}
[DEFAULT]
{{ include "conformance-library.transport_url" . }}
[senlin_api]
api_paste_config = /etc/senlin/api-paste.ini
bind_port = {{ .Values.components.api.port }}
# Without a worker of its own it does not stop on SIGTERM.
workers = 1
[authentication]
auth_url = {{ include "conformance-library.auth_url" . }}
service_username = {{ include "conformance-library.oslo_text" .Values.identity.user.username }}
service_password = {{ include "conformance-library.oslo_text" .Values.identity.user.password }}
service_project_name = {{ .Values.identity.user.project }}
service_user_domain = {{ .Values.identity.admin.domain }}
service_project_domain = {{ .Values.identity.admin.domain }}
{{ include "conformance-library.oslo_database" .Values.database }}
{{ include "conformance-library.keystone_authtoken" . }}
{{- end -}}
