{{/* What objects are called. 40 characters leave room for every ending within the 63 of a label. */}}
{{- define "easel.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What a selector selects by; never changed, since selectors of Deployments cannot be. (dict "root" $ "component" "server") */}}
{{- define "easel.selector" -}}
app.kubernetes.io/name: {{ .root.Values.nameOverride | default .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* The labels of an object. (dict "root" $ "component" "server") */}}
{{- define "easel.labels" -}}
{{ include "easel.selector" . }}
app.kubernetes.io/part-of: easel
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* A reference with a tag or a digest, never without. (dict "root" $ "image" .Values.server.image) */}}
{{- define "easel.image" -}}
{{- $registry := .root.Values.image.registry | trimSuffix "/" -}}
{{- $repository := .image.repository -}}
{{- if $registry }}{{ $repository = printf "%s/%s" $registry .image.repository }}{{ end -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (.image.tag | default .root.Values.image.tag | default .root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* Whether this release has a computing platform, or only the server that others belong to. */}}
{{- define "easel.hasPlatform" -}}
{{- if or .Values.scheduler.enabled .Values.jump.enabled }}yes{{ end -}}
{{- end -}}

{{- define "easel.schedulerServiceAccount" -}}
{{- .Values.scheduler.serviceAccount.name | default (printf "%s-scheduler" (include "easel.fullname" .)) -}}
{{- end -}}

{{- define "easel.environmentsNamespace" -}}
{{- .Values.environments.namespace.name | default (printf "%s-environments" .Release.Namespace | trunc 63 | trimSuffix "-") -}}
{{- end -}}

{{/* Where services of this cluster reach the server. */}}
{{- define "easel.serverUrl" -}}
{{- if .Values.platform.serverUrl -}}
{{- .Values.platform.serverUrl -}}
{{- else if .Values.server.enabled -}}
{{- printf "http://%s-server.%s.svc:7080" (include "easel.fullname" .) .Release.Namespace -}}
{{- end -}}
{{- end -}}

{{/* Where workers reach the relay: its Service, when it is in this cluster. */}}
{{- define "easel.workerRelayUrl" -}}
{{- if .Values.relay.workerUrl -}}
{{- .Values.relay.workerUrl -}}
{{- else if .Values.relay.enabled -}}
{{- printf "ws://%s-relay.%s.svc:7081" (include "easel.fullname" .) .Release.Namespace -}}
{{- else -}}
{{- .Values.relay.publicUrl -}}
{{- end -}}
{{- end -}}

{{/* The origin of the pages, from which browsers dial the relay. */}}
{{- define "easel.pagesOrigin" -}}
{{- .Values.publicUrl | default .Values.platform.serverUrl | trimSuffix "/" -}}
{{- end -}}

{{- define "easel.serverHost" -}}{{- (urlParse .Values.publicUrl).hostname -}}{{- end -}}
{{- define "easel.relayHost" -}}{{- (urlParse .Values.relay.publicUrl).hostname -}}{{- end -}}
