{{/*
Secrets of our own are made once: what the cluster holds already is kept, what the values give counts. They are worked out once
per render and remembered, so that a Secret and the checksum of the pods that read it agree on the first installation too.
*/}}
{{- define "easel.remember" -}}
{{- if not (hasKey .Values "remembered") -}}
{{- $_ := set .Values "remembered" (dict) -}}
{{- end -}}
{{- end -}}

{{/* Prints one key of a Secret in the release's namespace, or what `make` gives. (dict "root" $ "secret" name "key" key "given" value "fresh" value) */}}
{{- define "easel.keptOr" -}}
{{- $found := lookup "v1" "Secret" .root.Release.Namespace .secret -}}
{{- if .given -}}
{{- .given -}}
{{- else if and $found (hasKey ($found.data | default dict) .key) -}}
{{- index $found.data .key | b64dec -}}
{{- else -}}
{{- .fresh -}}
{{- end -}}
{{- end -}}

{{- define "easel.secretKey" -}}
{{- include "easel.remember" . -}}
{{- if not (hasKey .Values.remembered "secretKey") -}}
{{- $fresh := sha256sum (printf "%s%s" (randBytes 32) (randBytes 32)) -}}
{{- $args := dict "root" . "secret" (printf "%s-server" (include "easel.fullname" .)) "key" "secret-key" "given" .Values.secrets.secretKey "fresh" $fresh -}}
{{- $_ := set .Values.remembered "secretKey" (include "easel.keptOr" $args) -}}
{{- end -}}
{{- .Values.remembered.secretKey -}}
{{- end -}}

{{- define "easel.platformToken" -}}
{{- include "easel.remember" . -}}
{{- if not (hasKey .Values.remembered "platformToken") -}}
{{- $fresh := printf "easel_platform_%s" (randAlphaNum 43) -}}
{{- $args := dict "root" . "secret" (printf "%s-platform" (include "easel.fullname" .)) "key" "token" "given" .Values.platform.token "fresh" $fresh -}}
{{- $_ := set .Values.remembered "platformToken" (include "easel.keptOr" $args) -}}
{{- end -}}
{{- .Values.remembered.platformToken -}}
{{- end -}}

{{/* (dict "root" $ "key" "host_ed25519.pem" "kind" "ed25519") */}}
{{- define "easel.hostKey" -}}
{{- include "easel.remember" .root -}}
{{- $remembered := .root.Values.remembered -}}
{{- if not (hasKey $remembered .key) -}}
{{- $secret := printf "%s-host-keys" (include "easel.fullname" .root) -}}
{{- $found := lookup "v1" "Secret" .root.Release.Namespace $secret -}}
{{- if and $found (hasKey ($found.data | default dict) .key) -}}
{{- $_ := set $remembered .key (index $found.data .key | b64dec) -}}
{{- else -}}
{{- $_ := set $remembered .key (genPrivateKey .kind) -}}
{{- end -}}
{{- end -}}
{{- index $remembered .key -}}
{{- end -}}

{{/* Which Secrets the components read. */}}
{{- define "easel.serverSecretName" -}}
{{- .Values.secrets.existingSecret.name | default (printf "%s-server" (include "easel.fullname" .)) -}}
{{- end -}}
{{- define "easel.databaseSecretName" -}}
{{- .Values.database.existingSecret.name | default (printf "%s-database" (include "easel.fullname" .)) -}}
{{- end -}}
{{- define "easel.databaseSecretKey" -}}
{{- if .Values.database.existingSecret.name }}{{ .Values.database.existingSecret.key }}{{ else }}url{{ end -}}
{{- end -}}
{{- define "easel.s3SecretName" -}}
{{- .Values.objectStore.s3.existingSecret.name | default (printf "%s-s3" (include "easel.fullname" .)) -}}
{{- end -}}
{{- define "easel.platformSecretName" -}}
{{- .Values.platform.existingSecret.name | default (printf "%s-platform" (include "easel.fullname" .)) -}}
{{- end -}}
{{- define "easel.platformSecretKey" -}}
{{- if .Values.platform.existingSecret.name }}{{ .Values.platform.existingSecret.key }}{{ else }}token{{ end -}}
{{- end -}}
{{- define "easel.hostKeysSecretName" -}}
{{- .Values.jump.hostKeys.existingSecret | default (printf "%s-host-keys" (include "easel.fullname" .)) -}}
{{- end -}}
{{- define "easel.extraCaConfigMap" -}}
{{- .Values.extraCa.existingConfigMap.name | default (printf "%s-extra-ca" (include "easel.fullname" .)) -}}
{{- end -}}
{{- define "easel.hasExtraCa" -}}
{{- if or .Values.extraCa.pem .Values.extraCa.existingConfigMap.name }}yes{{ end -}}
{{- end -}}
