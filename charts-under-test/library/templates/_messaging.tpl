{{/* The host of the message queue, "" without one. */}}
{{- define "conformance-library.messaging_host" -}}
{{- with .Values.messaging -}}
{{- if and .host (not .vhost) -}}
{{- fail "messaging.vhost: messaging.host names a message queue, and the chart no virtual host; a service without a queue needs host: \"\"" -}}
{{- end -}}
{{- .host -}}
{{- end -}}
{{- end -}}

{{/* The Service behind messaging.host, as `conformance-library.database_service` has it. */}}
{{- define "conformance-library.messaging_service" -}}
{{- $host := include "conformance-library.messaging_host" . -}}
{{- if $host -}}
{{- include "conformance-library.own_service" (dict "root" . "host" $host) -}}
{{- else -}}
[]
{{- end -}}
{{- end -}}

{{/* Creates the service's virtual host on the message queue, and its user there. It runs on the image of `bootstrap`. */}}
{{- define "conformance-library.arguments.rabbit_init" -}}
{{- $password := include "conformance-library.secret_env" (dict "root" . "name" "MESSAGING_PASSWORD" "secret" "messaging" "key" "password") -}}
{{- dict
  "key" "bootstrap"
  "command" (list "python3" "/scripts/rabbit_init.py")
  "scripts" (list "rabbit_init.py" "rabbit_api.py")
  "secrets" (list "messaging" "messaging-admin")
  "env" (printf "%s\n%s" (include "conformance-library.messaging_env" . | trim) $password)
  "jobs" list
  "services" (include "conformance-library.messaging_service" . | fromJsonArray)
  | toJson -}}
{{- end -}}

{{/* The container of the drop Job that removes what rabbit_init creates; without that Job it removes nothing. */}}
{{- define "conformance-library.rabbit_drop" -}}
{{- $seconds := printf "- name: MESSAGING_ATTEMPT_SECONDS\n  value: %q" (toString .Values.jobs.db_drop.attempt_seconds) -}}
{{- dict
  "name" "rabbit-drop"
  "key" "db_drop"
  "command" (list "python3" "/scripts/rabbit_drop.py")
  "env" (printf "%s\n%s" (include "conformance-library.messaging_env" . | trim) $seconds)
  | toJson -}}
{{- end -}}

{{/* rabbit-drop gets the same names as rabbit-init, so it removes what that creates. */}}
{{- define "conformance-library.messaging_env" -}}
{{- include "conformance-library.secret_envs" (dict "root" . "secret" "messaging" "keys" (dict "MESSAGING_URL" "url" "MESSAGING_VHOST" "vhost" "MESSAGING_USER" "username")) }}
{{- include "conformance-library.secret_envs" (dict "root" . "secret" "messaging-admin" "keys" (dict "MESSAGING_ADMIN_USER" "username" "MESSAGING_ADMIN_PASSWORD" "password")) }}
{{- end -}}

{{- define "conformance-library.content.messaging" -}}
{{- $messaging := .Values.messaging -}}
{{- if eq $messaging.username $messaging.admin.username -}}
{{- fail "messaging.username: it is messaging.admin.username; the service needs a user of its own, which db_drop can remove" -}}
{{- end -}}
{{- if eq $messaging.vhost "/" -}}
{{- fail "messaging.vhost: / belongs to the server; the service needs a virtual host of its own, which db_drop can remove" -}}
{{- end -}}
{{- dict
  "url" (printf "http://%s:%d" $messaging.host (int $messaging.management_port))
  "vhost" (include "conformance-library.text" (dict "path" "messaging.vhost" "value" $messaging.vhost))
  "username" (include "conformance-library.text" (dict "path" "messaging.username" "value" $messaging.username))
  "password" (include "conformance-library.text" (dict "path" "messaging.password" "value" $messaging.password))
  | toJson -}}
{{- end -}}

{{- define "conformance-library.content.messaging-admin" -}}
{{- $admin := .Values.messaging.admin -}}
{{- dict
  "username" (include "conformance-library.text" (dict "path" "messaging.admin.username" "value" $admin.username))
  "password" (include "conformance-library.text" (dict "path" "messaging.admin.password" "value" $admin.password))
  | toJson -}}
{{- end -}}
