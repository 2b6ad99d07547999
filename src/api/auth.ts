import { timingSafeEqual } from 'node:crypto';
import { parseAccessToken, sessionSecretHash } from '../crypto/tokens.ts';
import { sessionById } from '../chat/queries-sessions.ts';
import { ParleyError } from '../protocol/errors.ts';
import type { ChatNode } from '../node/ports.ts';
import type { Actor } from '../protocol/commands.ts';
import { checkInTouch, knownToCluster } from './ask-cluster.ts';
import type { ClusterAsker } from './ask-cluster.ts';
import type { ApiLimits } from './config.ts';
import type { LeaderTime } from './leader-time.ts';

/** Who is asking: a device of an account that holds this session's access secret. */
export type Session = Actor;

const BEARER = /^bearer +/i;

/**
 * Tells who holds a token, from the replicated state of this node. A token holds on every node: one that was given out
 * or renewed elsewhere a moment ago is looked up in the cluster before it is refused. It ends by the cluster's time
 * (see `LeaderTime`) or as soon as this node has applied the end of its session.
 */
export class Authenticator {
  readonly #node: ChatNode;
  readonly #time: LeaderTime;
  readonly #asker: ClusterAsker;

  constructor(node: ChatNode, time: LeaderTime, limits: Pick<ApiLimits, 'askClusterMs' | 'authenticateWithinMs'>) {
    this.#node = node;
    this.#time = time;
    this.#asker = { node, limits };
  }

  /**
   * For one request. A node that is cut off goes on answering those who were logged in before.
   *
   * @param onUnknown called for a token that this node does not know, before it asks the cluster; may throw
   * @throws ParleyError `unauthenticated`, `token_expired`, `session_revoked`, and `no_leader`, `deadline_exceeded`
   *   where the token is not known here and the cluster cannot be asked
   */
  async authenticate(token: string, onUnknown: () => void): Promise<Session> {
    const parsed = parseAccessToken(token);
    if (parsed === null) throw new ParleyError('unauthenticated');
    const session = await knownToCluster(this.#asker, () => this.#holderOf(parsed), onUnknown);
    if (session === undefined) throw new ParleyError('unauthenticated');
    return session;
  }

  /** @returns undefined for a token that this node does not know. @throws ParleyError for one that has ended */
  #holderOf(parsed: NonNullable<ReturnType<typeof parseAccessToken>>): Session | undefined {
    const row = sessionById(this.#node.reader, parsed.session);
    if (row === undefined || !timingSafeEqual(sessionSecretHash(parsed.secret), row.accessHash)) return undefined;
    const nowMs = this.#time.nowMs();
    if (row.ended || row.expiresAt <= nowMs) throw new ParleyError('session_revoked');
    if (row.accessExpiresAt <= nowMs) throw new ParleyError('token_expired');
    return { account: row.account, device: row.device, session: parsed.session };
  }

  /** @throws ParleyError as `authenticate` */
  async authenticateHeader(header: string | undefined, onUnknown: () => void): Promise<Session> {
    return this.authenticate(bearerOf(header), onUnknown);
  }

  /**
   * For a live feed, which outlives its token: not on a node that has been cut off, where revocations do not arrive.
   *
   * @throws ParleyError as `authenticate`, and `no_leader`
   */
  async authenticateAnew(token: string, onUnknown: () => void): Promise<Session> {
    this.checkInTouch();
    return this.authenticate(token, onUnknown);
  }

  /** @throws ParleyError `no_leader` on a node that has had no leader for too long to log anybody in */
  checkInTouch(): void {
    checkInTouch(this.#asker);
  }

  /** @throws ParleyError `session_revoked` when a session that has a live feed is over */
  checkStillOpen({ session }: Session): void {
    const row = sessionById(this.#node.reader, session);
    if (row === undefined || row.ended || row.expiresAt <= this.#time.nowMs()) throw new ParleyError('session_revoked');
  }

  /** Whether it is the admin token of one of the nodes. @throws ParleyError `unauthenticated` without any token */
  isAdminToken(header: string | undefined): boolean {
    return this.#node.isAdminToken(bearerOf(header));
  }
}

function bearerOf(header: string | undefined): string {
  if (header === undefined || !BEARER.test(header)) throw new ParleyError('unauthenticated');
  return header.replace(BEARER, '').trim();
}
