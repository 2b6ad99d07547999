import type { Stage } from './stage.ts';

/** A request that has to succeed. */
export interface GoodRequest {
  /** With its parameters filled in. */
  readonly path: string;
  readonly json?: object;
  readonly bytes?: Uint8Array;
  /** Whose; by default ada's, or the admin token for routes of admins. */
  readonly token?: string;
  /** Somebody who is logged in, and may not do this. */
  readonly deniedTo?: string;
  /** The same again is not the same: it says why. */
  readonly repeats?: 'not-the-same' | 'refused';
  /** The answer has no end: its first bytes are enough. */
  readonly endless?: boolean;
  /** Of another node than the case's. */
  readonly url?: string;
}

/** How a route is shown to work: prepares what the request needs, and says what to ask. */
export type RouteCase = (stage: Stage) => GoodRequest | Promise<GoodRequest>;
export type RouteCases = Readonly<Record<string, RouteCase>>;
