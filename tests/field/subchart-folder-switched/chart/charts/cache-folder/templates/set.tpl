apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ .Chart.Name }}
spec:
  selector: {matchLabels: {app: x}}
  template:
    metadata: {labels: {app: x}}
    spec:
      containers:
        - name: main
          image: {{ .Values.images.tags.cache | quote }}
          imagePullPolicy: {{ .Values.images.pull_policy }}
