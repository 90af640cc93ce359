{{/* What the schema of the values cannot say: sentences that name the value to change. Rendered by every installation. */}}
{{- define "easel.validate" -}}
{{- $v := .Values -}}
{{- if $v.server.enabled -}}
{{- if not $v.publicUrl }}{{ fail "publicUrl is required: where people reach Easel, like https://easel.example.com" }}{{ end -}}
{{- if not (or $v.database.url $v.database.existingSecret.name) }}{{ fail "database.url or database.existingSecret.name is required: Easel brings no PostgreSQL of its own" }}{{ end -}}
{{- if and $v.mail.host (not $v.mail.from) }}{{ fail "mail.from is required with mail.host: who the mails are from" }}{{ end -}}
{{- if and $v.mail.host $v.mail.user (not (or $v.mail.password $v.mail.existingSecret.name)) }}{{ fail "mail.password or mail.existingSecret.name is required with mail.user" }}{{ end -}}
{{- if eq $v.objectStore.kind "s3" -}}
{{- if not $v.objectStore.s3.bucket }}{{ fail "objectStore.s3.bucket is required" }}{{ end -}}
{{- if not (or $v.objectStore.s3.existingSecret.name (and $v.objectStore.s3.accessKey $v.objectStore.s3.secretKey)) }}{{ fail "objectStore.s3.existingSecret.name, or accessKey and secretKey, are required" }}{{ end -}}
{{- else -}}
{{- if or (gt (int $v.server.replicas) 1) $v.server.autoscaling.enabled }}{{ fail "objectStore.kind \"files\" is a folder of one server: set server.replicas to 1 without autoscaling, or objectStore.kind to s3" }}{{ end -}}
{{- end -}}
{{- else -}}
{{- if not $v.platform.serverUrl }}{{ fail "platform.serverUrl is required without server.enabled: the address of the Easel that this platform belongs to" }}{{ end -}}
{{- if and (or $v.scheduler.enabled $v.jump.enabled) (not (or $v.platform.token $v.platform.existingSecret.name)) }}{{ fail "platform.token or platform.existingSecret.name is required without server.enabled: the token that Easel showed when the platform was created" }}{{ end -}}
{{- end -}}
{{- if and (or $v.scheduler.enabled $v.relay.enabled) (not $v.relay.publicUrl) }}{{ fail "relay.publicUrl is required: where people's programs reach the relay, like wss://relay.example.com" }}{{ end -}}
{{- if and $v.scheduler.enabled (not $v.jump.host) }}{{ fail "jump.host is required: the name that people use with ssh, like ssh.example.com" }}{{ end -}}
{{- if ne $v.expose.kind "none" -}}
{{- if and (eq $v.expose.kind "gateway") (not $v.expose.gateway.name) }}{{ fail "expose.gateway.name is required: the Gateway that routes attach to, or the one to make with expose.gateway.create" }}{{ end -}}
{{- if and (eq $v.expose.kind "gateway") $v.expose.gateway.create (not $v.expose.gateway.className) }}{{ fail "expose.gateway.className is required with expose.gateway.create" }}{{ end -}}
{{- if and (eq $v.expose.tls.kind "certManager") (not $v.expose.tls.issuer.name) }}{{ fail "expose.tls.issuer.name is required: the Issuer or ClusterIssuer of cert-manager" }}{{ end -}}
{{- if and (eq $v.expose.tls.kind "secret") $v.server.enabled (not $v.expose.tls.secretName) }}{{ fail "expose.tls.secretName is required: a Secret of type kubernetes.io/tls" }}{{ end -}}
{{- if and (eq $v.expose.tls.kind "secret") (not $v.server.enabled) $v.relay.enabled (not (or $v.expose.tls.relaySecretName $v.expose.tls.secretName)) }}{{ fail "expose.tls.relaySecretName is required: a Secret of type kubernetes.io/tls" }}{{ end -}}
{{- end -}}
{{- end -}}
