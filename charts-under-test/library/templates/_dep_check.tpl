{{/*
The init container that waits. (root, jobs: functions, services: "ns:name" or "name")
A Job is awaited by its very name, hash included, so that the success of an older one counts for nothing; one that is
switched off is not awaited.
*/}}
{{- define "conformance-library.dep_check" -}}
{{- $root := .root -}}
{{- $jobs := list -}}
{{- range .jobs -}}
{{- if get $root.Values.manifests (printf "job_%s" .) -}}
{{- $name := include "conformance-library.job_name" (dict "root" $root "function" .) -}}
{{- $jobs = append $jobs (dict "name" $name "namespace" $root.Release.Namespace) -}}
{{- end -}}
{{- end -}}
- name: dep-check
  {{- include "conformance-library.image" (dict "root" $root "key" "dep_check") | nindent 2 }}
  {{- include "conformance-library.container_security" $root | nindent 2 }}
  command:
    - kubernetes-entrypoint
  env:
    - name: POD_NAME
      valueFrom:
        fieldRef:
          fieldPath: metadata.name
    - name: NAMESPACE
      valueFrom:
        fieldRef:
          fieldPath: metadata.namespace
    - name: DEPENDENCY_SERVICE
      value: {{ .services | join "," | quote }}
    - name: DEPENDENCY_JOBS_JSON
      value: {{ $jobs | toJson | quote }}
{{- end -}}

{{/*
The Service behind database.host, as a JSON list of none or one: a bare name is one of this namespace, and so is
<name>.<namespace>.svc of it. Any other host is not the cluster's to know, or not this ServiceAccount's to read: the
scripts then wait for the server themselves.
*/}}
{{- define "conformance-library.database_service" -}}
{{- $parts := splitList "." .Values.database.host -}}
{{- $in_namespace := and (ge (len $parts) 3) (eq (index $parts 1 | default "") .Release.Namespace) (eq (index $parts 2 | default "") "svc") -}}
{{- if or (eq (len $parts) 1) $in_namespace -}}
{{- list (first $parts) | toJson -}}
{{- else -}}
[]
{{- end -}}
{{- end -}}

{{/* What dep_check may read, and nothing else, in this namespace only. */}}
{{- define "conformance-library.service_account" -}}
{{- $fullname := include "conformance-library.fullname" . -}}
{{- $labels := include "conformance-library.labels" (dict "root" . "component" "dep_check") -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $fullname }}
  labels:
    {{- $labels | nindent 4 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $fullname }}
  labels:
    {{- $labels | nindent 4 }}
rules:
  - apiGroups: [""]
    resources: [services, endpoints, pods]
    verbs: [get, list]
  - apiGroups: [discovery.k8s.io]
    resources: [endpointslices]
    verbs: [get, list]
  - apiGroups: [batch]
    resources: [jobs]
    verbs: [get, list]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ $fullname }}
  labels:
    {{- $labels | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ $fullname }}
subjects:
  - kind: ServiceAccount
    name: {{ $fullname }}
    namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* The Service of Keystone, as a JSON list of none or one: this release's own unless identity.auth_url names another. */}}
{{- define "conformance-library.identity_services" -}}
{{- if .Values.identity.auth_url -}}
[]
{{- else -}}
{{- list (printf "%s-api" (include "conformance-library.fullname" .)) | toJson -}}
{{- end -}}
{{- end -}}
