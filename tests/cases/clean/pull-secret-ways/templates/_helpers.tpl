{{- define "pull_secrets" -}}
{{- $own := list (dict "name" "registry-of-the-site") -}}
imagePullSecrets: {{ concat $own .Values.pod.image_pull_secrets | toJson }}
{{- end -}}
