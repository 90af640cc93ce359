/** The HTTP side, put together: one server with everything on it, not yet listening. */
import type { IncomingMessage, Server } from 'node:http';
import type { Clock } from '@easel/kit/clock';
import type { Health } from '@easel/kit/health';
import type { Log } from '@easel/kit/log';
import type { Metrics } from '@easel/kit/metrics';
import type { App } from '../app.ts';
import type { Config } from '../config.ts';
import type { Db } from '../db.ts';
import { createGraphqlSocket, type GraphqlSocket } from '../live/graphql-socket.ts';
import type { Live } from '../live/live.ts';
import { Admission } from './admission.ts';
import { createAuditExport } from './audit-export.ts';
import { createAuthRoutes } from './auth-routes.ts';
import { createDeviceRoutes } from './device-routes.ts';
import { createGraphqlEngine } from './graphql.ts';
import { isAllowedOrigin } from './origin.ts';
import { createRedirectRoutes } from './redirect-routes.ts';
import { createRenewal } from './renewal.ts';
import { createSamlRoutes } from './saml-routes.ts';
import { createScimRoutes } from './scim-routes.ts';
import { createSecondFactorRoutes } from './second-factor-routes.ts';
import { admitted, createHttpServer } from './server.ts';
import { socketAuthentication } from './socket-authentication.ts';
import { createTokenRoutes } from './token-routes.ts';
import type { UiHandler } from './ui.ts';

export interface HttpParts {
  app: App;
  clock: Clock;
  config: Config;
  db: Db;
  health: Health;
  live: Live;
  log: Log;
  metrics: Metrics;
  ui: UiHandler;
}

export function createHttp(parts: HttpParts): { server: Server; sockets: GraphqlSocket } {
  const { app, clock, config, db, health, live, log, metrics, ui } = parts;
  const { authentication, services, sessions, sshAuthorities, tickets } = app;
  const publicUrl = config.EASEL_PUBLIC_URL ?? null;
  const isSecure = publicUrl?.startsWith('https:') ?? false;
  const isAllowed = (origin: string, request: IncomingMessage) => isAllowedOrigin(origin, request, { publicUrl });
  const engine = createGraphqlEngine({
    context: { log, db, live, services },
    hasIntrospection: config.EASEL_INTROSPECTION,
    metrics,
  });
  const authRoutes = createAuthRoutes({
    invitations: services.invitations,
    forgotPassword: services.forgotPassword,
    sessions,
    localSignIn: app.localSignIn,
    others: createSecondFactorRoutes({
      audit: services.audit,
      clock: app.clock,
      factors: services.factors,
      localSignIn: app.localSignIn,
      passkeys: app.passkeys,
      sessions,
      users: services.users,
      publicUrl,
      isSecure,
    }),
    isSecure,
    isAllowedOrigin: isAllowed,
    onError: (err) => log.error({ err }, 'sign-in failed'),
  });
  const redirectRoutes = createRedirectRoutes({
    modules: services.signInModules,
    signIn: services.redirectSignIn,
    oidc: app.oidc,
    providerCheck: app.providerCheck,
    authentication,
    publicUrl,
    isSecure,
    onError: (err) => log.error({ err }, 'sign-in failed'),
    onRefusedLogout: (err) => log.warn({ err }, 'a logout token was refused'),
  });
  const samlRoutes = createSamlRoutes({
    authentication,
    saml: app.saml,
    publicUrl,
    isSecure,
    onError: (err) => log.error({ err }, 'sign-in failed'),
  });
  const limits = {
    perSecond: config.EASEL_REQUESTS_PER_SECOND,
    strangersPerSecond: config.EASEL_STRANGERS_REQUESTS_PER_SECOND,
    atOnce: config.EASEL_REQUESTS_AT_ONCE,
  };
  const auditExport = createAuditExport({
    audit: services.audit,
    authentication,
    isAllowedOrigin: isAllowed,
    onError: (err) => log.error({ err }, 'audit export failed'),
  });
  const admission = new Admission(limits, clock);
  const scimRoutes = createScimRoutes({
    audit: services.audit,
    users: app.scim.users,
    groups: app.scim.groups,
    publicUrl,
    async admit(request, response) {
      response.once('close', admission.enter());
      const actor = await admitted({ admission, authentication }, request);
      return { actor: actor.kind === 'user' ? actor : null };
    },
    onError: (err) => log.error({ err }, 'provisioning failed'),
  });
  const { deviceSignIns } = services;
  const oauth = {
    deviceSignIns,
    // Where nobody has said it: what the caller has called.
    baseOf: ({ headers }: IncomingMessage) => publicUrl ?? `http://${headers.host ?? 'localhost'}`,
    onError: (err: unknown) => log.error({ err }, 'token endpoint failed'),
  };
  const tokenRoutes = createTokenRoutes({ clients: services.clientCredentials, ...oauth });
  const server = createHttpServer({
    admission,
    auditExport,
    authentication,
    authRoutes,
    deviceRoutes: createDeviceRoutes(oauth),
    redirectRoutes,
    samlRoutes,
    scimRoutes,
    engine,
    health,
    isAllowedOrigin: isAllowed,
    isSecure,
    log,
    proxyHops: config.EASEL_PROXY_HOPS,
    renewal: createRenewal({ sessions, isSecure }),
    sshAuthorities,
    tickets,
    tokenRoutes,
    ui,
  });
  const sockets = createGraphqlSocket({
    ...socketAuthentication(authentication),
    getEnveloped: engine.getEnveloped,
    isAllowedOrigin: isAllowed,
    log,
    metrics,
  });
  return { server, sockets };
}
