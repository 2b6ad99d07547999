import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { Logger } from 'pino';
import type { ChatNode } from '../node/ports.ts';
import type { ActsOnce } from './acts-once.ts';
import type { AddressBans } from './address-bans.ts';
import type { Authenticator } from './auth.ts';
import type { ClientAddresses } from './client-address.ts';
import type { ApiConfig, ApiLimits } from './config.ts';
import type { EventHub } from './gateway/event-hub.ts';
import type { OpenFeeds } from './gateway/open-feeds.ts';
import type { LeaderTime } from './leader-time.ts';
import type { Live } from './live/live.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { Origins } from './origin.ts';
import type { RateLimits } from './rate-limits.ts';
import type { RefusedLogins } from './refused-logins.ts';
import type { ReceiptMarks } from './receipt-marks.ts';

/** What every route and socket of one node shares. Built once, in `server.ts`. */
export interface ApiContext {
  readonly node: ChatNode;
  readonly config: ApiConfig;
  readonly limits: ApiLimits;
  readonly logger: Logger;
  readonly auth: Authenticator;
  readonly time: LeaderTime;
  readonly origins: Origins;
  readonly addresses: ClientAddresses;
  readonly addressBans: AddressBans;
  readonly rates: RateLimits;
  readonly hub: EventHub;
  readonly feeds: OpenFeeds;
  readonly receipts: ReceiptMarks;
  readonly refused: RefusedLogins;
  readonly metrics: Metrics;
  readonly live: Live;
  readonly acts: ActsOnce;
}

export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;
