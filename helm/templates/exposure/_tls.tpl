{{/* The Secrets that the certificates are in; nothing where the ingress or the Gateway has its own. */}}
{{- define "easel.serverTlsSecret" -}}
{{- if eq .Values.expose.tls.kind "certManager" -}}
{{- printf "%s-server-tls" (include "easel.fullname" .) -}}
{{- else if eq .Values.expose.tls.kind "secret" -}}
{{- .Values.expose.tls.secretName -}}
{{- end -}}
{{- end -}}
{{- define "easel.relayTlsSecret" -}}
{{- if eq .Values.expose.tls.kind "certManager" -}}
{{- printf "%s-relay-tls" (include "easel.fullname" .) -}}
{{- else if eq .Values.expose.tls.kind "secret" -}}
{{- .Values.expose.tls.relaySecretName | default .Values.expose.tls.secretName -}}
{{- end -}}
{{- end -}}
