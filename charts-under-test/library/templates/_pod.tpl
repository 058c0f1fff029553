{{/* The image of a key, from `images` or from `images.tags` if the chart has it, and the one pull policy. (root, key) */}}
{{- define "conformance-library.image" -}}
{{- $references := .root.Values.images.tags | default .root.Values.images -}}
image: {{ required (printf "images.%s: an image reference is needed, found none" .key) (get $references .key) | quote }}
imagePullPolicy: {{ .root.Values.images.pull_policy | quote }}
{{- end -}}

{{/*
A security context that works with any image: a uid without an account in the image, which can write only to /tmp. The
group owns the mounted Secrets (fsGroup, mode 0440), so any uid in the pod's group can read them, and no other.
*/}}
{{- define "conformance-library.pod_security" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .Values.pod.run_as_user }}
  runAsGroup: {{ .Values.pod.run_as_user }}
  fsGroup: {{ .Values.pod.run_as_user }}
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{/* The Secrets of a pod's registry login. */}}
{{- define "conformance-library.pull_secrets" -}}
{{- with .Values.pod.image_pull_secrets -}}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{- define "conformance-library.container_security" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* HOME, because a uid without an entry in passwd has none. No bytecode, because the file system is read-only. */}}
{{- define "conformance-library.common_env" -}}
- name: HOME
  value: /tmp
- name: PYTHONDONTWRITEBYTECODE
  value: "1"
- name: PYTHONUNBUFFERED
  value: "1"
{{- end -}}

{{/* An environment variable from a Secret of this release. (root, name, secret, key) */}}
{{- define "conformance-library.secret_env" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ include "conformance-library.fullname" .root }}-{{ .secret }}
      key: {{ .key }}
{{- end -}}

{{/* The database server's certificate authority if a pod mounts it, else "". (root, service: bool, database: bool) */}}
{{- define "conformance-library.mounted_ca" -}}
{{- if or .service .database -}}
{{- include "conformance-library.database_ca" .root.Values.database -}}
{{- end -}}
{{- end -}}

{{/* The Secrets that the service's own programs mount, as JSON: name suffix -> directory. Without `service.mounts` the
directory of the configuration file. */}}
{{- define "conformance-library.service_mounts" -}}
{{- if .Values.service.mounts -}}
{{- .Values.service.mounts | toJson -}}
{{- else -}}
{{- dict "etc" (include "conformance-library.config_file" . | dir) | toJson -}}
{{- end -}}
{{- end -}}

{{/* Mounts: /tmp, the scripts and, if requested, the service's Secrets. (root, service: bool, database: bool) */}}
{{- define "conformance-library.mounts" -}}
- name: tmp
  mountPath: /tmp
- name: bin
  mountPath: /scripts
  readOnly: true
{{- if .service }}
{{- range $suffix, $directory := include "conformance-library.service_mounts" .root | fromJson }}
- name: {{ $suffix }}
  mountPath: {{ $directory }}
  readOnly: true
{{- end }}
{{- end }}
{{- if include "conformance-library.mounted_ca" . }}
- name: database-ca
  mountPath: {{ include "conformance-library.database_ca_file" . | dir }}
  readOnly: true
{{- end }}
{{- end -}}

{{/* The volumes of these mounts; of the Secret `db` only the authority, not the account's password. */}}
{{- define "conformance-library.volumes" -}}
{{- $fullname := include "conformance-library.fullname" .root -}}
- name: tmp
  emptyDir: {}
- name: bin
  configMap:
    name: {{ $fullname }}-bin
    defaultMode: 0555
{{- if .service }}
{{- range $suffix, $directory := include "conformance-library.service_mounts" .root | fromJson }}
- name: {{ $suffix }}
  secret:
    secretName: {{ $fullname }}-{{ $suffix }}
    defaultMode: 0440
{{- end }}
{{- end }}
{{- if include "conformance-library.mounted_ca" . }}
- name: database-ca
  secret:
    secretName: {{ $fullname }}-db
    defaultMode: 0440
    items: [{key: ca, path: {{ include "conformance-library.database_ca_file" . | base }}}]
{{- end }}
{{- end -}}
