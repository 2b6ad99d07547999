import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { ParleyError } from '../protocol/errors.ts';
import { AddressBans } from './address-bans.ts';
import { createApp } from './app.ts';
import { Authenticator } from './auth.ts';
import { ClientAddresses } from './client-address.ts';
import { resolveLimits } from './limits-config.ts';
import { EventHub } from './gateway/event-hub.ts';
import { FeedQueries } from './gateway/feed-queries.ts';
import { Gateway } from './gateway/gateway.ts';
import { OpenFeeds } from './gateway/open-feeds.ts';
import { RateMeter } from './gateway/rate-meter.ts';
import { addCommonHooks, addPreflight } from './headers.ts';
import { takeIdempotencyKeys } from './idempotency-key.ts';
import { LoginSetups } from './login/login-setups.ts';
import { LeaderTime } from './leader-time.ts';
import { ActsOnce } from './acts-once.ts';
import { Live } from './live/live.ts';
import { Metrics } from './metrics/metrics.ts';
import { Origins } from './origin.ts';
import { RateLimits } from './rate-limits.ts';
import { ReceiptMarks } from './receipt-marks.ts';
import { RefusedLogins } from './refused-logins.ts';
import { createRouteHooks } from './route-hooks.ts';
import { addAccountRoutes } from './routes/accounts.ts';
import { addAddressBanRoutes } from './routes/address-bans.ts';
import { addAdminRoutes } from './routes/admin.ts';
import { addKeyRoutes } from './routes/keys.ts';
import { addAuditRoutes } from './routes/audit.ts';
import { addBlobRoutes } from './routes/blobs.ts';
import { addClusterRoutes } from './routes/cluster.ts';
import { addDeviceRoutes } from './routes/devices.ts';
import { addDocsRoutes } from './routes/docs.ts';
import { addEventRoutes } from './routes/events.ts';
import { addFactorRoutes } from './routes/factors.ts';
import { addHealthRoutes } from './routes/health.ts';
import { addLoginRoutes } from './routes/login.ts';
import { addRecoveryRoutes } from './routes/recovery.ts';
import { addLockRoutes } from './routes/locks.ts';
import { addMemberRoutes } from './routes/members.ts';
import { addMessageRoutes } from './routes/messages.ts';
import { addMetricsRoute, countRequests } from './routes/metrics.ts';
import { addModerationRoutes } from './routes/moderation.ts';
import { describeRoutes } from './routes/openapi.ts';
import { addOpenRoomRoutes } from './routes/open-rooms.ts';
import { addPeopleRoutes } from './routes/people.ts';
import { addPinRoutes } from './routes/pins.ts';
import { addPresenceRoutes } from './routes/presence.ts';
import { addReceiptRoutes } from './routes/receipts.ts';
import { addHookRoutes } from './routes/hooks.ts';
import { addRoomLinkRoutes } from './routes/room-links.ts';
import { addRoomRoutes } from './routes/rooms.ts';
import { addQuotaRoutes } from './routes/quotas.ts';
import { addServerAdminRoutes } from './routes/server-admin.ts';
import { addSessionRoutes } from './routes/sessions.ts';
import { addVaultRoutes } from './routes/vault.ts';
import { addUserRoutes } from './routes/users.ts';
import { addStatusPage } from './routes/status-page.ts';
import { addWebApp } from './routes/web-app.ts';
import type { ChatNode } from '../node/ports.ts';
import type { ApiConfig } from './config.ts';
import type { ApiContext, App } from './context.ts';

export interface ApiParts {
  readonly node: ChatNode;
  readonly config: ApiConfig;
  readonly logger: Logger;
  /** What was begun to be counted before the API was there. */
  readonly metrics?: Metrics | undefined;
}

export interface Api {
  /** @returns the URL it listens on. @throws ParleyError `port_in_use`, `usage` */
  listen(): Promise<string>;
  /**
   * Sends sockets elsewhere, answers what was taken, and closes; what is not done by `graceMs` is cut.
   */
  close(graceMs: number): Promise<void>;
  /** The URL it listens on, null before and after. */
  readonly address: string | null;
  readonly stats: ApiStats;
}

export interface ApiStats {
  readonly sockets: number;
  readonly messagesPerSecond: number;
}

/**
 * The API of one node: HTTP, WebSocket and server-sent events on one port.
 *
 * @throws ParleyError `usage` for a configuration that cannot work
 */
export function buildApi({ node, config, logger, metrics = new Metrics() }: ApiParts): Api {
  const limits = resolveLimits(config.limits);
  refusePlainHttp(config);
  const time = new LeaderTime(node);
  const auth = new Authenticator(node, time, limits);
  const configured = config.advertiseUrl === null ? config.origins : [config.advertiseUrl, ...config.origins];
  const queries = new FeedQueries(node);
  const hub = new EventHub({
    node,
    queries,
    limits,
    logger,
    checkStillOpen: (session) => auth.checkStillOpen(session),
  });
  const context: ApiContext = {
    node,
    config,
    limits,
    logger,
    time,
    auth,
    origins: new Origins(node, configured),
    addresses: new ClientAddresses(config.trustedProxies),
    addressBans: new AddressBans(node, time),
    rates: new RateLimits(limits),
    hub,
    feeds: new OpenFeeds(limits),
    receipts: new ReceiptMarks(node, limits.requestDeadlineMs),
    refused: new RefusedLogins({ node, nowMs: () => time.nowMs(), gatherMs: limits.refusedLoginsGatherMs, logger }),
    metrics,
    acts: new ActsOnce(),
    live: new Live({ node, hub, limits, logger, wallMs: () => time.nowMs(), nameOf: queries.nameOf }),
  };
  const sends = new RateMeter();
  const onSend = (): void => sends.mark();
  const app = createApp({ config, limits, logger, leader: () => node.raftView().leader });
  const gateway = new Gateway(context, onSend);
  addRoutes(app, context, { onSend, gateway });
  return new RunningApi(app, context, gateway, sends);
}

function addRoutes(
  app: App,
  context: ApiContext,
  { onSend, gateway }: { readonly onSend: () => void; readonly gateway: Gateway },
): void {
  const hooks = createRouteHooks(app, context);
  const setups = new LoginSetups(context);
  countRequests(app, context);
  addCommonHooks(app, context);
  takeIdempotencyKeys(app);
  describeRoutes(app, context.node.version, hooks);
  // In a scope of their own, which is built after the one above that listens to them.
  void app.register((scope, _options, done) => {
    const routes = scope as App;
    addAccountRoutes(routes, context, hooks);
    addDeviceRoutes(routes, context, hooks);
    addSessionRoutes(routes, context, hooks);
    addLoginRoutes(routes, context, hooks, setups);
    addRecoveryRoutes(routes, context, hooks);
    addFactorRoutes(routes, context, hooks, setups);
    addVaultRoutes(routes, context, hooks);
    addRoomRoutes(routes, context, hooks);
    addMemberRoutes(routes, context, hooks);
    addRoomLinkRoutes(routes, context, hooks);
    addHookRoutes(routes, context, hooks);
    addOpenRoomRoutes(routes, context, hooks);
    addPinRoutes(routes, context, hooks);
    addReceiptRoutes(routes, context, hooks);
    addPresenceRoutes(routes, context, hooks);
    addMessageRoutes(routes, context, hooks, onSend);
    addLockRoutes(routes, context, hooks);
    addBlobRoutes(routes, context, hooks);
    addEventRoutes(routes, context, hooks);
    addClusterRoutes(routes, context);
    addAdminRoutes(routes, context, hooks);
    addKeyRoutes(routes, context, hooks);
    addAuditRoutes(routes, context, hooks);
    addServerAdminRoutes(routes, context, hooks);
    addQuotaRoutes(routes, context, hooks);
    addUserRoutes(routes, context, hooks);
    addAddressBanRoutes(routes, context, hooks);
    addModerationRoutes(routes, context, hooks);
    addPeopleRoutes(routes, context, hooks);
    addHealthRoutes(routes, context);
    addMetricsRoute(routes, context, hooks, gateway);
    addDocsRoutes(routes, context);
    addStatusPage(routes);
    addWebApp(routes, context);
    addPreflight(routes);
    done();
  });
}

/** @throws ParleyError `usage`: tokens must not travel in clear where others can listen, unless that is wanted */
function refusePlainHttp({ host, tls, insecureHttp }: ApiConfig): void {
  const isLoopback = host === 'localhost' || host === '::1' || host.startsWith('127.');
  if (tls !== undefined || insecureHttp || isLoopback) return;
  throw new ParleyError(
    'usage',
    `Plain HTTP on ${host} shows tokens to everybody on the way: give --tls-cert and --tls-key, or --insecure-http.`,
  );
}

const CLOSE_IDLE_EVERY_MS = 50;

class RunningApi implements Api {
  readonly #app: App;
  readonly #context: ApiContext;
  readonly #gateway: Gateway;
  readonly #sends: RateMeter;
  #address: string | null = null;

  constructor(app: App, context: ApiContext, gateway: Gateway, sends: RateMeter) {
    this.#app = app;
    this.#context = context;
    this.#gateway = gateway;
    this.#sends = sends;
  }

  get address(): string | null {
    return this.#address;
  }

  get stats(): ApiStats {
    return { sockets: this.#context.feeds.size, messagesPerSecond: this.#sends.perSecond() };
  }

  async listen(): Promise<string> {
    const { config, node, time, hub, live, origins, addressBans, feeds } = this.#context;
    time.start();
    addressBans.start(() => feeds.end((address) => addressBans.refusalOf(address)));
    hub.start();
    live.start();
    node.setLoadSource(() => this.stats);
    this.#gateway.attach(this.#app.server);
    try {
      await this.#app.listen({ host: config.host, port: config.port });
    } catch (cause) {
      time.stop();
      addressBans.stop();
      live.stop();
      hub.stop(new ParleyError('shutting_down'));
      if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
      throw new ParleyError('port_in_use', `Port ${config.port} on ${config.host} is taken by another program.`, {
        cause,
      });
    }
    this.#address = urlOf(this.#app.server.address() as AddressInfo, config.tls === undefined ? 'http' : 'https');
    origins.addListening(this.#address);
    return this.#address;
  }

  async close(graceMs: number): Promise<void> {
    this.#address = null;
    await this.#gateway.close(graceMs);
    this.#context.hub.stop(new ParleyError('shutting_down'));
    const { server } = this.#app;
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    // One that is answered now and kept open for more would be waited for to the end.
    const closingIdle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS);
    await this.#app.close();
    await this.#context.refused.close();
    this.#context.live.stop();
    this.#context.addressBans.stop();
    clearTimeout(cut);
    clearInterval(closingIdle);
    this.#context.time.stop();
  }
}

function urlOf({ address, family, port }: AddressInfo, scheme: 'http' | 'https'): string {
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
