{{/*
Drops what db_init creates, and in a second container what rabbit_init creates, before Helm deletes anything. So its
Secrets, ConfigMap and ServiceAccount, which are ordinary objects of the release, still exist. With a fixed name and
before-hook-creation a retry runs a new Job. The deadline is below Helm's timeout (300 s): if a server is down, the
uninstall fails, and no Job remains that drops something later.
*/}}
{{- define "conformance-library.db_drop" -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ include "conformance-library.fullname" . }}-db-drop
  labels:
    {{- include "conformance-library.labels" (dict "root" . "component" "db_drop") | nindent 4 }}
  annotations:
    helm.sh/hook: pre-delete
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  {{- include "conformance-library.job_spec" (dict "root" . "function" "db_drop") | trim | nindent 2 }}
{{- end -}}

{{- define "conformance-library.arguments.db_drop" -}}
{{- $bounds := .Values.jobs.db_drop -}}
{{- $secrets := list "db" "db-admin" -}}
{{- $more := list -}}
{{- if and (include "conformance-library.messaging_host" .) .Values.manifests.job_rabbit_init -}}
{{- $secrets = concat $secrets (list "messaging" "messaging-admin") -}}
{{- $more = list (include "conformance-library.rabbit_drop" . | fromJson) -}}
{{- end -}}
{{- $env := printf "- name: DB_LOCK_WAIT_SECONDS\n  value: %q\n- name: DB_ATTEMPT_SECONDS\n  value: %q" (toString $bounds.lock_wait_seconds) (toString $bounds.attempt_seconds) -}}
{{- dict
  "command" (list "python3" "/scripts/db_drop.py")
  "more" $more
  "scripts" (list "db_drop.py" "db_server.py")
  "secrets" $secrets
  "database" true
  "env" (printf "%s\n%s" (include "conformance-library.database_env" . | trim) $env)
  "jobs" list
  "services" (include "conformance-library.database_service" . | fromJsonArray)
  "limits" (dict "activeDeadlineSeconds" $bounds.active_deadline_seconds "backoffLimit" $bounds.backoff_limit)
  | toJson -}}
{{- end -}}
