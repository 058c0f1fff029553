{{/*
The init container that waits for Jobs and Services. (root, jobs: functions, services: "ns:name" or "name")
It waits for a Job by its full name with the hash, so the success of an older Job does not count. It does not wait for a
Job that is switched off.
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
The Service behind database.host, as a JSON list with zero or one item: a bare name, or <name>.<namespace>.svc of this
namespace. Another host is outside of the cluster, or not readable for this ServiceAccount: then the scripts themselves
wait for the server.
*/}}
{{- define "conformance-library.database_service" -}}
{{- include "conformance-library.own_service" (dict "root" . "host" .Values.database.host) -}}
{{- end -}}

{{/* The same for any host. (root, host) */}}
{{- define "conformance-library.own_service" -}}
{{- $parts := splitList "." .host -}}
{{- $in_namespace := and (ge (len $parts) 3) (eq (index $parts 1 | default "") .root.Release.Namespace) (eq (index $parts 2 | default "") "svc") -}}
{{- if or (eq (len $parts) 1) $in_namespace -}}
{{- list (first $parts) | toJson -}}
{{- else -}}
[]
{{- end -}}
{{- end -}}

{{/* The permissions of dep_check: to read what it waits for, in this namespace only. */}}
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

{{/* Keystone's Service, as a JSON list: this release's own, or none if identity.auth_url names another Keystone. */}}
{{- define "conformance-library.identity_services" -}}
{{- if .Values.identity.auth_url -}}
[]
{{- else -}}
{{- list (printf "%s-api" (include "conformance-library.fullname" .)) | toJson -}}
{{- end -}}
{{- end -}}
