import type { Ed25519Provider } from '../crypto/ed25519.ts';
import type { FileCipherProvider } from '../crypto/file-cipher.ts';
import type { OpaqueAway } from './opaque.ts';
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

/** Files that wait to be sent, encrypted. What is there survives the program. */
export interface Spool {
  create(name: string): Promise<SpoolWriter>;
  /** @throws ParleyError `file_unreadable` when it is not all there */
  read(name: string, fromByte: number, bytes: number): Promise<Uint8Array>;
  /** Also of what is not there. */
  remove(name: string): Promise<void>;
  list(): Promise<readonly { readonly name: string; readonly ageMs: number }[]>;
}

export interface SpoolWriter {
  write(bytes: Uint8Array): Promise<void>;
  /** What was written is on the disk when this returns. */
  finish(): Promise<void>;
  /** Nothing is left of it. */
  abort(): Promise<void>;
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
  /** Computes with passwords, which takes a third of a second: where people look at a screen, beside it. */
  readonly loadOpaque: () => Promise<OpaqueAway>;
  readonly ed25519?: Ed25519Provider;
  readonly x25519?: X25519Provider;
  readonly fileCipher?: FileCipherProvider;
  /** Without it, files can be read but not sent. */
  readonly spool?: Spool;
}
