{{- define "example.other" -}}{{ index . 0 }}{{- end -}}
{{- define "example.today" -}}
{{- printf "example-%s-%s" (index . 1) (now | date "20060102") -}}
{{- end -}}
