{{/*
The components of a service that can run, as JSON: name -> component. A component has:
command, env (name -> value), port and path (of the readiness probe; a component without a port has no Service), replicas,
messaging (it needs the message queue), directories (name -> where an emptyDir of the pod is mounted), key (the image key,
if it is not the name).
*/}}
{{- define "conformance-library.components" -}}
{{- $queue := include "conformance-library.messaging_host" . -}}
{{- $found := dict -}}
{{- range $name, $component := .Values.components -}}
{{- if or $queue (not $component.messaging) -}}
{{- $_ := set $found $name $component -}}
{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* The name of a component's Deployment and Service. (root, name) */}}
{{- define "conformance-library.component_name" -}}
{{ include "conformance-library.fullname" .root }}-{{ .name | replace "_" "-" }}
{{- end -}}

{{/* The port of a component. (root, name) */}}
{{- define "conformance-library.component_port" -}}
{{- $component := required (printf "components.%s: a component is needed, found none" .name) (get .root.Values.components .name) -}}
{{- required (printf "components.%s.port: a port is needed, found none" .name) $component.port | int -}}
{{- end -}}

{{/* The URL of a component inside the cluster. (root, name) */}}
{{- define "conformance-library.component_url" -}}
{{- $port := include "conformance-library.component_port" . -}}
{{- printf "http://%s.%s.svc:%s" (include "conformance-library.component_name" .) .root.Release.Namespace $port -}}
{{- end -}}

{{/*
The Deployment of a component. It waits for the schema and, if there is a message queue, for its account there.
(root, name)
*/}}
{{- define "conformance-library.deployment" -}}
{{- $root := .root -}}
{{- $component := get .root.Values.components .name -}}
{{- $mounts := dict "root" $root "service" true -}}
{{- $labels := dict "root" $root "component" .name -}}
{{- $services := concat (include "conformance-library.database_service" $root | fromJsonArray) (include "conformance-library.messaging_service" $root | fromJsonArray) -}}
{{- $jobs := list "db_sync" -}}
{{- if include "conformance-library.messaging_host" $root -}}
{{- $jobs = append $jobs "rabbit_init" -}}
{{- end -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "conformance-library.component_name" . }}
  labels:
    {{- include "conformance-library.labels" $labels | nindent 4 }}
spec:
  replicas: {{ $component.replicas | default 1 }}
  selector:
    matchLabels:
      {{- include "conformance-library.pod_labels" $labels | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "conformance-library.pod_labels" $labels | nindent 8 }}
      annotations:
        # A changed configuration, certificate authority or script replaces the pod.
        checksum/inputs: {{ list (include "conformance-library.content.etc" $root) (include "conformance-library.scripts" $root) (include "conformance-library.database_ca" $root.Values.database) | compact | toJson | sha256sum }}
    spec:
      serviceAccountName: {{ include "conformance-library.fullname" $root }}
      enableServiceLinks: false
      terminationGracePeriodSeconds: 10
      {{- include "conformance-library.pull_secrets" $root | nindent 6 }}
      {{- include "conformance-library.pod_security" $root | nindent 6 }}
      initContainers:
        {{- include "conformance-library.dep_check" (dict "root" $root "jobs" $jobs "services" $services) | nindent 8 }}
      containers:
        - name: {{ .name | replace "_" "-" }}
          {{- include "conformance-library.image" (dict "root" $root "key" ($component.key | default .name)) | nindent 10 }}
          {{- include "conformance-library.container_security" $root | nindent 10 }}
          command: {{ required (printf "components.%s.command: a command is needed, found none" .name) $component.command | toJson }}
          env:
            {{- include "conformance-library.common_env" $root | nindent 12 }}
            {{- with $component.port }}
            - name: API_PORT
              value: {{ . | quote }}
            {{- end }}
            {{- range $name, $value := $component.env }}
            - name: {{ $name }}
              value: {{ $value | quote }}
            {{- end }}
          {{- if $component.port }}
          ports:
            - name: api
              containerPort: {{ $component.port }}
          readinessProbe:
            {{- if $component.path }}
            httpGet:
              path: {{ $component.path }}
              port: api
            {{- else }}
            tcpSocket:
              port: api
            {{- end }}
            periodSeconds: 1
            timeoutSeconds: 10
            failureThreshold: 6
          {{- end }}
          volumeMounts:
            {{- include "conformance-library.mounts" $mounts | nindent 12 }}
            {{- range $name, $directory := $component.directories }}
            - name: {{ $name }}
              mountPath: {{ $directory }}
            {{- end }}
      volumes:
        {{- include "conformance-library.volumes" $mounts | nindent 8 }}
        {{- range $name, $directory := $component.directories }}
        - name: {{ $name }}
          emptyDir: {}
        {{- end }}
{{- end -}}

{{/* The Service of a component with a port. (root, name) */}}
{{- define "conformance-library.service" -}}
{{- $labels := dict "root" .root "component" .name -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "conformance-library.component_name" . }}
  labels:
    {{- include "conformance-library.labels" $labels | nindent 4 }}
spec:
  selector:
    {{- include "conformance-library.pod_labels" $labels | nindent 4 }}
  ports:
    - name: api
      port: {{ include "conformance-library.component_port" . }}
      targetPort: api
{{- end -}}

{{/*
The pod that `helm test` runs: files/test.py, with the administrator of Keystone and the URL of the component that is
registered there. It runs on the image of that component. MESSAGING_HOST is set if there is a message queue; only then
the components that need one run.
*/}}
{{- define "conformance-library.pod_test" -}}
{{- $mounts := dict "root" . "service" false -}}
{{- $name := .Values.identity.service.component -}}
{{- $component := dict "root" . "name" $name -}}
apiVersion: v1
kind: Pod
metadata:
  name: {{ include "conformance-library.fullname" . }}-test
  labels:
    {{- include "conformance-library.labels" (dict "root" . "component" "test") | nindent 4 }}
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  restartPolicy: Never
  serviceAccountName: {{ include "conformance-library.fullname" . }}
  enableServiceLinks: false
  {{- include "conformance-library.pull_secrets" . | nindent 2 }}
  {{- include "conformance-library.pod_security" . | nindent 2 }}
  initContainers:
    {{- include "conformance-library.dep_check" (dict "root" . "jobs" (list "ks_user" "ks_endpoints") "services" (list (include "conformance-library.component_name" $component))) | nindent 4 }}
  containers:
    - name: test
      {{- include "conformance-library.image" (dict "root" . "key" ((get .Values.components $name).key | default $name)) | nindent 6 }}
      {{- include "conformance-library.container_security" . | nindent 6 }}
      command: [python3, /scripts/test.py]
      env:
        {{- include "conformance-library.common_env" . | nindent 8 }}
        {{- include "conformance-library.identity_env" . | trim | nindent 8 }}
        - name: API_URL
          value: {{ include "conformance-library.component_url" $component | quote }}
        {{- with include "conformance-library.messaging_host" . }}
        - name: MESSAGING_HOST
          value: {{ . | quote }}
        {{- end }}
      volumeMounts:
        {{- include "conformance-library.mounts" $mounts | nindent 8 }}
  volumes:
    {{- include "conformance-library.volumes" $mounts | nindent 4 }}
{{- end -}}
