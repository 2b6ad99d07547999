import type { NodeName } from '../../protocol/ids.ts';
import type { PublicIdentity } from '../identity/public-identity.ts';
import { streamName } from './frame-header.ts';
import type { SessionKeys } from './pair-handshake.ts';

/** What two processes agreed on in one handshake. */
export interface PairSession extends SessionKeys {
  readonly boot: number;
  /** What this node calls its end. */
  readonly stream: Uint8Array;
  readonly bornMs: number;
}

/** Frames may come late, or cross a handshake: so many sessions are heard. The newest is spoken in. */
const KEPT_MAX = 3;
/** Whoever began a handshake is to show that it lives before anything else is given up for it. */
const UNCONFIRMED_MAX = 2;
/** One that could not be renewed for so long is forgotten, and what it sealed with it. */
export const SESSION_MS_MAX = 20 * 60_000;

/** Another node with its keys, and the sessions with the process that it runs as. */
export class Pair {
  readonly name: NodeName;
  readonly identity: PublicIdentity;
  /** The newest first. */
  #confirmed: PairSession[] = [];
  #unconfirmed: PairSession[] = [];
  #boot = 0;
  /** What was begun before the own clock jumped is heard, but not spoken in: its numbers may have been used. */
  #silenced: ReadonlySet<PairSession> = new Set();

  constructor(name: NodeName, identity: PublicIdentity) {
    this.name = name;
    this.identity = identity;
  }

  /** Of the newest process that has shown that it lives; 0 before that. */
  get boot(): number {
    return this.#boot;
  }

  /** To send frames in. */
  get current(): PairSession | undefined {
    const [newest] = this.#confirmed;
    if (newest === undefined || this.#silenced.has(newest) || newest.sealing.isUsedUp) return undefined;
    return newest;
  }

  sessionOf(stream: string): PairSession | undefined {
    return this.sessions.find((session) => streamName(session.stream) === stream);
  }

  get sessions(): readonly PairSession[] {
    return [...this.#confirmed, ...this.#unconfirmed];
  }

  /** Nothing is left of it but its name. */
  get isForgotten(): boolean {
    return this.#confirmed.length === 0 && this.#unconfirmed.length === 0;
  }

  /** The other has begun a handshake; it may be one that was recorded. */
  expect(session: PairSession): void {
    this.#unconfirmed = [session, ...this.#unconfirmed].slice(0, UNCONFIRMED_MAX);
  }

  /**
   * The other has shown that it lives, and holds the keys of this session.
   * @returns whether it is another process than the one known before
   */
  confirm(session: PairSession): boolean {
    if (this.#confirmed.includes(session)) return false;
    this.#unconfirmed = this.#unconfirmed.filter((other) => other !== session);
    if (session.boot < this.#boot) return false;
    const isNew = session.boot > this.#boot;
    this.#boot = session.boot;
    const kept = this.#confirmed.filter(({ boot }) => boot === session.boot);
    this.#confirmed = [session, ...kept].toSorted((a, b) => b.bornMs - a.bornMs).slice(0, KEPT_MAX);
    return isNew;
  }

  /** Speaks in nothing that there is by now. */
  silence(): void {
    this.#silenced = new Set([...this.#confirmed, ...this.#unconfirmed]);
  }

  expire(nowMs: number): void {
    const lives = ({ bornMs }: PairSession): boolean => nowMs - bornMs < SESSION_MS_MAX;
    this.#confirmed = this.#confirmed.filter(lives);
    this.#unconfirmed = this.#unconfirmed.filter(lives);
  }
}
