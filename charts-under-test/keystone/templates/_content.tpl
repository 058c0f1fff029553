{{/* Keystone's configuration: only the settings without a usable default. */}}
{{- define "conformance-library.content.etc" -}}
{{- $mounts := .Values.service.mounts -}}
{{- $lines := list
  (include "conformance-library.oslo_database" .Values.database)
  "[token]"
  "provider = fernet"
  "[fernet_tokens]"
  (printf "key_repository = %s" (index $mounts "fernet-keys"))
  "[fernet_receipts]"
  (printf "key_repository = %s" (index $mounts "fernet-keys"))
  "[credential]"
  (printf "key_repository = %s" (index $mounts "credential-keys"))
-}}
{{- dict "keystone.conf" (printf "%s\n" (join "\n" $lines)) | toJson -}}
{{- end -}}

{{/*
A key repository with a staged key (0) and a primary key (1). Existing keys stay: new keys would make every token, or
every stored credential, unreadable. (root, suffix)
*/}}
{{- define "keystone.keys" -}}
{{- $name := printf "%s-%s" (include "conformance-library.fullname" .root) .suffix -}}
{{- $existing := lookup "v1" "Secret" .root.Release.Namespace $name -}}
apiVersion: v1
kind: Secret
metadata:
  name: {{ $name }}
  labels:
    {{- include "conformance-library.labels" (dict "root" .root "component" .suffix) | nindent 4 }}
type: Opaque
data:
{{- range list "0" "1" }}
  {{ . | quote }}: {{ dig "data" . "" $existing | default (randBytes 32 | replace "+" "-" | replace "/" "_" | b64enc) | quote }}
{{- end }}
{{- end -}}
