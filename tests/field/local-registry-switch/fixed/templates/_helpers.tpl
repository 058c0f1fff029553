{{- define "parcel.dep_check" -}}
- name: init
  image: {{ .Values.images.tags.dep_check }}
  imagePullPolicy: {{ .Values.images.pull_policy }}
  command: [kubernetes-entrypoint]
  env:
    - {name: DEPENDENCY_SERVICE, value: "{{ .Release.Namespace }}:mariadb"}
{{- end -}}
{{- define "parcel.db_env" -}}
- {name: DB_HOST, value: {{ .Values.endpoints.oslo_db.host | quote }}}
- name: DB_NAME
  valueFrom: {secretKeyRef: {name: {{ .Release.Name }}-db, key: name}}
- name: ADMIN_USER
  valueFrom: {secretKeyRef: {name: {{ .Release.Name }}-db, key: admin_user}}
- name: ADMIN_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .Release.Name }}-db, key: admin_password}}
{{- end -}}
{{- define "parcel.image" -}}
{{- $context := index . 0 -}}
{{- if $context.Values.images.local_registry.active -}}{{ $context.Values.registry_node }}/{{- end -}}
{{- index . 1 -}}
{{- end -}}
