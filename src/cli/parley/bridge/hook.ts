import { createHash } from 'node:crypto';
import { Type, type Static } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { ParleyError } from '../../../protocol/errors.ts';
import { makeTxnId } from '../../../protocol/txn-id.ts';
import type { TxnId } from '../../../protocol/ids.ts';

const TXN_RANDOM_BYTES = 10;
const HOUR_MS = 3_600_000;
const KEYS_MAX = 10_000;

/**
 * What monitoring systems and the like send to the incoming webhooks of Slack and Mattermost. Fields that only change
 * how it looks there are passed over.
 */
const HookBody = Type.Object({
  text: Type.String({ minLength: 1 }),
  username: Type.Optional(Type.String({ maxLength: 128 })),
});

/** @returns what is to be said. @throws ParleyError `malformed_json`, `invalid_field` */
export function hookText(body: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch (cause) {
    throw new ParleyError('malformed_json', undefined, { cause });
  }
  if (!Value.Check(HookBody, parsed)) {
    throw new ParleyError('invalid_field', 'A hook takes {"text": "…"}, and perhaps a "username".');
  }
  const { text, username }: Static<typeof HookBody> = parsed;
  return username === undefined || username === '' ? text : `**${username}**: ${text}`;
}

/**
 * Which transaction a request stands for that names itself with `Idempotency-Key`: the same for the same key within an
 * hour, across restarts; for longer as long as this process remembers it. So a repeated request says nothing twice.
 */
export class HookTransactions {
  readonly #target: string;
  readonly #nowMs: () => number;
  readonly #known = new Map<string, TxnId>();

  constructor(target: string, nowMs: () => number) {
    this.#target = target;
    this.#nowMs = nowMs;
  }

  of(key: string): TxnId {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const hourMs = Math.floor(this.#nowMs() / HOUR_MS) * HOUR_MS;
    const digest = createHash('sha256')
      .update(JSON.stringify([this.#target, key]))
      .digest();
    const txnId = makeTxnId(hourMs, digest.subarray(0, TXN_RANDOM_BYTES));
    this.#known.set(key, txnId);
    const [oldest] = this.#known.keys();
    if (this.#known.size > KEYS_MAX && oldest !== undefined) this.#known.delete(oldest);
    return txnId;
  }
}
