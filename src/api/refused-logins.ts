import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { COMMAND_LIMITS } from '../protocol/command-bodies.ts';
import { ParleyError } from '../protocol/errors.ts';
import { makeTxnId } from '../protocol/txn-id.ts';
import type { Logger } from 'pino';
import type { ChatNode } from '../node/ports.ts';
import type { RefusedLogins as Refused } from '../protocol/commands.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { AccountId } from '../protocol/ids.ts';

const SUBMIT_MS_MAX = 5_000;

/** What keeps somebody out, and not the cluster from answering. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'no_such_user',
  'no_such_device',
  'challenge_invalid',
  'challenge_replayed',
  'invalid_signature',
  'password_wrong',
  'totp_wrong',
  'recovery_refused',
  'origin_not_allowed',
  'account_banned',
  'account_deactivated',
  'account_deleted',
  'unauthenticated',
  'forbidden',
]);

interface RefusedLoginsParts {
  readonly node: Pick<ChatNode, 'submit' | 'name'>;
  readonly nowMs: () => number;
  readonly gatherMs: number;
  readonly logger: Logger;
}

/** Refused logins on their way to the audit log: gathered by account, in bounded numbers, one command at a time. */
export class RefusedLogins {
  readonly #parts: RefusedLoginsParts;
  #waiting = new Map<AccountId | null, Refused>();
  #timer: NodeJS.Timeout | null = null;
  /** One command at a time. */
  #sending: Promise<void> | null = null;
  #isClosed = false;

  constructor(parts: RefusedLoginsParts) {
    this.#parts = parts;
  }

  /** Passes on the answer to an attempt; what refuses it is counted. @param accountOf whose it would have been */
  async watch<T>(address: string, accountOf: () => AccountId | null, attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof ParleyError && REFUSALS.has(error.code)) this.#count(accountOf(), error.code, address);
      throw error;
    }
  }

  /** Brings in what is left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#sending;
    await this.#send();
  }

  #count(account: AccountId | null, code: ErrorCode, address: string): void {
    const isFull = !this.#waiting.has(account) && this.#waiting.size >= COMMAND_LIMITS.refusedLoginsMax - 1;
    const whose = isFull ? null : account;
    const times = (this.#waiting.get(whose)?.count ?? 0) + 1;
    this.#waiting.set(whose, { account: whose, code, address: isIP(address) === 0 ? '' : address, count: times });
    this.#sendLater();
  }

  #sendLater(): void {
    if (this.#isClosed || this.#sending !== null || this.#waiting.size === 0) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#sending = this.#send().finally(() => {
        this.#sending = null;
        this.#sendLater();
      });
    }, this.#parts.gatherMs).unref();
  }

  async #send(): Promise<void> {
    if (this.#waiting.size === 0) return;
    const { node, nowMs, logger } = this.#parts;
    const refused = [...this.#waiting.values()];
    this.#waiting = new Map();
    const txnId = makeTxnId(nowMs(), new Uint8Array(randomBytes(10)));
    const source = { node: node.name, address: null };
    try {
      await node.submit({ kind: 'audit.refused-logins', actor: null, txnId, body: { refused }, source }, SUBMIT_MS_MAX);
    } catch (error) {
      const attempts = refused.reduce((sum, { count }) => sum + count, 0);
      logger.warn({ err: error, attempts }, 'refused logins are missing from the audit log');
    }
  }
}
