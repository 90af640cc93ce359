{{/* What every pod of ours is like: the restricted Pod Security level, with a read-only root. */}}
{{- define "easel.podSecurity" -}}
runAsNonRoot: true
{{- with .Values.security.userId }}
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "easel.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Where the pods of a component go. (dict "root" $ "component" "server" "values" .Values.server) */}}
{{- define "easel.placement" -}}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Replicas in different zones and on different nodes, where there are some. */}}
{{- define "easel.spread" -}}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "easel.selector" $ | nindent 8 }}
  {{- end }}
{{- end -}}

{{/* Variables that every process of ours understands. (dict "root" $ "values" .Values.server "drainSeconds" 20) */}}
{{- define "easel.commonEnv" -}}
- name: EASEL_LOG_LEVEL
  value: {{ .root.Values.logLevel }}
{{- with .drainSeconds }}
- name: EASEL_STOP_LIMIT_MS
  value: {{ mul . 1000 | quote }}
{{- end }}
{{- if include "easel.hasExtraCa" .root }}
- name: NODE_EXTRA_CA_CERTS
  value: /run/easel/ca/ca.crt
{{- end }}
{{- range $name, $value := .values.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{- define "easel.commonMounts" -}}
- name: tmp
  mountPath: /tmp
{{- if include "easel.hasExtraCa" . }}
- name: extra-ca
  mountPath: /run/easel/ca
  readOnly: true
{{- end }}
{{- end -}}

{{- define "easel.commonVolumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: 256Mi
{{- if include "easel.hasExtraCa" . }}
- name: extra-ca
  configMap:
    name: {{ include "easel.extraCaConfigMap" . }}
    items:
      - key: {{ if .Values.extraCa.existingConfigMap.name }}{{ .Values.extraCa.existingConfigMap.key }}{{ else }}ca.crt{{ end }}
        path: ca.crt
{{- end }}
{{- end -}}

{{/* Pods roll when what they have mounted changes; what they read from their environment rolls them by itself. */}}
{{- define "easel.podAnnotations" -}}
{{- if .root.Values.extraCa.pem }}
checksum/extra-ca: {{ sha256sum .root.Values.extraCa.pem }}
{{- end }}
{{- with .values.podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Old pods leave the Service's endpoints everywhere before they take nothing new. The images have no shell that we rely on. */}}
{{- define "easel.preStop" -}}
preStop:
  exec:
    command: [node, -e, "setTimeout(() => {}, {{ mul . 1000 }})"]
{{- end -}}

{{/* (dict "port" "health") */}}
{{- define "easel.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: {{ .port }} }
  periodSeconds: 2
  failureThreshold: 90
livenessProbe:
  httpGet: { path: /healthz, port: {{ .port }} }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: {{ .port }} }
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 3
{{- end -}}
