{{/*
The prefix of every object name of a release. Names of Services and Jobs are limited (63 characters, no dot), and
release names may be longer. So a name that does not fit is cut, and a hash keeps it unique.
*/}}
{{- define "conformance-library.fullname" -}}
{{- $name := .Release.Name | replace "." "-" -}}
{{- if and (eq $name .Release.Name) (le (len $name) 38) -}}
{{- $name -}}
{{- else -}}
{{- printf "%s-%s" ($name | trunc 29 | trimSuffix "-") (.Release.Name | sha256sum | trunc 8) -}}
{{- end -}}
{{- end -}}

{{/* Labels of a pod. None changes with the chart's version, because a Job's pod is immutable. (root, component) */}}
{{- define "conformance-library.pod_labels" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name | trunc 63 }}
app.kubernetes.io/component: {{ .component | replace "_" "-" }}
{{- end -}}

{{/* Labels of an object. (root, component) */}}
{{- define "conformance-library.labels" -}}
{{ include "conformance-library.pod_labels" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 }}
{{- end -}}

{{/* (root, function) */}}
{{- define "conformance-library.job_name" -}}
{{- $fullname := include "conformance-library.fullname" .root -}}
{{- printf "%s-%s-%s" $fullname (.function | replace "_" "-") (include "conformance-library.job_hash" . | trunc 8) -}}
{{- end -}}

{{/* A hash of all that a Job does: its pod, and the content that the pod mounts and reads. (root, function) */}}
{{- define "conformance-library.job_hash" -}}
{{- $root := .root -}}
{{- $arguments := include (printf "conformance-library.arguments.%s" .function) .root | fromJson -}}
{{- $inputs := list (include "conformance-library.job_spec" .) -}}
{{- range $arguments.scripts -}}
{{- $inputs = append $inputs (include "conformance-library.script" (dict "root" $root "name" .)) -}}
{{- end -}}
{{- range $arguments.secrets -}}
{{- $inputs = append $inputs (include (printf "conformance-library.content.%s" .) $root) -}}
{{- end -}}
{{- with include "conformance-library.mounted_ca" (dict "root" $root "service" $arguments.service) -}}
{{- $inputs = append $inputs . -}}
{{- end -}}
{{- $inputs | toJson | sha256sum -}}
{{- end -}}
