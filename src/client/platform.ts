import type { Ed25519Provider } from '../crypto/ed25519.ts';
import type { RandomBytes } from '../crypto/random.ts';
import type { X25519Provider } from '../crypto/x25519.ts';
import type { ClientStore } from './store.ts';

/** The part of the standard WebSocket that the engine uses; browsers' and `ws`'s both fit. */
export interface SocketLike {
  send(text: string): void;
  close(code?: number): void;
  addEventListener(type: 'open' | 'error', listener: () => void): void;
  addEventListener(type: 'close', listener: (event: { readonly reason: string }) => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
}

/** Everything outside the engine: network, clock, chance, storage. A browser, a terminal and a test bring their own. */
export interface Platform {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly openSocket: (url: string) => SocketLike;
  readonly store: ClientStore;
  readonly random: RandomBytes;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  /** Resolves after `ms`, or at once when `signal` aborts; never rejects. */
  readonly pause: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Numbers in [0, 1), for jitter only. */
  readonly chance: () => number;
  readonly ed25519?: Ed25519Provider;
  readonly x25519?: X25519Provider;
}
