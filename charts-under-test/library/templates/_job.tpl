{{/*
A Job's spec, from the arguments of its function (JSON of conformance-library.arguments.<function>):
command, env (YAML), scripts, secrets, service (mount the service's Secrets), database (mount the database server's
certificate authority, which `service` also mounts), jobs and services to wait for, limits (spec fields that differ
from the default), key (the image key if it is not the function's), and more (further containers: name, key, command,
env). (root, function)
*/}}
{{- define "conformance-library.job_spec" -}}
{{- $root := .root -}}
{{- $arguments := include (printf "conformance-library.arguments.%s" .function) .root | fromJson -}}
{{- $limits := $arguments.limits | default (dict "backoffLimit" $root.Values.jobs.backoff_limit) -}}
{{- $mounts := dict "root" $root "service" $arguments.service "database" $arguments.database -}}
{{- range $field, $value := $limits }}
{{ $field }}: {{ $value | int64 }}
{{- end }}
template:
  metadata:
    labels:
      {{- include "conformance-library.pod_labels" (dict "root" $root "component" .function) | nindent 6 }}
  spec:
    restartPolicy: Never
    terminationGracePeriodSeconds: 10
    serviceAccountName: {{ include "conformance-library.fullname" $root }}
    enableServiceLinks: false
    {{- include "conformance-library.pull_secrets" $root | nindent 4 }}
    {{- include "conformance-library.pod_security" $root | nindent 4 }}
    initContainers:
      {{- include "conformance-library.dep_check" (dict "root" $root "jobs" $arguments.jobs "services" $arguments.services) | nindent 6 }}
    containers:
      {{- $own := dict "name" (.function | replace "_" "-") "key" ($arguments.key | default .function) "command" $arguments.command "env" $arguments.env }}
      {{- range $container := prepend ($arguments.more | default list) $own }}
      - name: {{ $container.name }}
        {{- include "conformance-library.image" (dict "root" $root "key" $container.key) | nindent 8 }}
        {{- include "conformance-library.container_security" $root | nindent 8 }}
        command: {{ $container.command | toJson }}
        env:
          {{- include "conformance-library.common_env" $root | nindent 10 }}
          {{- $container.env | nindent 10 }}
        volumeMounts:
          {{- include "conformance-library.mounts" $mounts | nindent 10 }}
      {{- end }}
    volumes:
      {{- include "conformance-library.volumes" $mounts | nindent 6 }}
{{- end -}}

{{/* An ordinary Job of the release, not a hook. (root, function) */}}
{{- define "conformance-library.job" -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ include "conformance-library.job_name" . }}
  labels:
    {{- include "conformance-library.labels" (dict "root" .root "component" .function) | nindent 4 }}
spec:
  {{- include "conformance-library.job_spec" . | trim | nindent 2 }}
{{- end -}}
