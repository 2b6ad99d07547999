import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { encodeCursor, startOfEntry } from '../chat/queries-cursor.ts';
import { hookById } from '../chat/queries-hooks.ts';
import { hookKeysOf, hookSalt, HOOK_SECRET_BYTES } from '../crypto/hook-keys.ts';
import { nodeEd25519 } from '../crypto/node-ed25519.ts';
import { sealOpen } from '../crypto/open-seal.ts';
import { encodeContent } from '../protocol/content.ts';
import { ParleyError } from '../protocol/errors.ts';
import { makeTxnId } from '../protocol/txn-id.ts';
import { knownToCluster } from './ask-cluster.ts';
import { submit } from './submit.ts';
import { timeOf } from './time-text.ts';
import type { FastifyRequest } from 'fastify';
import type { Static } from '@sinclair/typebox';
import type { SendReply } from '../protocol/http/schemas.ts';
import type { DeviceId, TxnId } from '../protocol/ids.ts';
import type { HookInfo } from '../chat/queries-hooks.ts';
import type { HookKeys } from '../crypto/hook-keys.ts';
import type { ApiContext } from './context.ts';

const BEARER = /^bearer +([A-Za-z0-9_-]{43}) *$/i;
const DAY_MS = 24 * 3_600_000;
const TXN_RANDOM_BYTES = 10;
/** Requests come to any node: there is nobody who could count them. */
const NOT_COUNTED = 0;

/** A hook whose secret somebody has shown, with what is derived from it. */
interface Speaker {
  readonly row: HookInfo;
  readonly keys: HookKeys;
  readonly secret: Uint8Array;
}

/**
 * @param onStranger called before the cluster is asked for a hook that this node does not know, and for a wrong secret;
 *   may throw
 * @throws ParleyError `unauthenticated`, `no_such_hook`
 */
export async function hookOf(
  { node, limits }: ApiContext,
  hook: DeviceId,
  authorization: string | undefined,
  onStranger: () => void,
): Promise<Speaker> {
  const [, encoded] = BEARER.exec(authorization ?? '') ?? [];
  const secret = Buffer.from(encoded ?? '', 'base64url');
  if (secret.length !== HOOK_SECRET_BYTES) {
    throw new ParleyError('unauthenticated', 'Give the secret of the webhook as bearer token.');
  }
  const row = await knownToCluster({ node, limits }, () => hookById(node.reader, hook), onStranger);
  if (row === undefined) throw new ParleyError('no_such_hook');
  const keys = hookKeysOf(secret, nodeEd25519);
  if (!timingSafeEqual(keys.signing.publicKey, row.signingKey)) {
    onStranger();
    throw new ParleyError('unauthenticated', 'This is not the secret of this webhook.');
  }
  return { row, keys, secret };
}

/**
 * Signs what came in with the key of the hook, and brings it into the log. The node holds that key no longer than this
 * takes. Open rooms are not encrypted: it writes nothing that it could not have read.
 *
 * @param said `key`: names the message; the same one within a day, on any node, is the same message
 * @throws ParleyError `payload_too_large`, and whatever `apply()` rejects it with
 */
export async function sayByHook(
  context: ApiContext,
  { row, keys, secret }: Speaker,
  said: { readonly text: string; readonly username?: string; readonly key: string | null },
  request: Pick<FastifyRequest, 'raw'>,
): Promise<Static<typeof SendReply>> {
  const { text, username = '', key } = said;
  const { room, hook } = row;
  const nowMs = context.time.nowMs();
  const [txnId, formerTxnId] = [nowMs, nowMs - DAY_MS].map((ms) => txnIdOf(hook, key, ms)) as [TxnId, TxnId];
  const envelope = sealOpen(
    {
      purpose: 'message',
      cluster: context.node.clusterId!,
      room,
      sender: { device: hook, signingSecret: keys.signing.secretKey },
      txnId,
      content: encodeContent({ type: 'text', text: username === '' ? text : `**${username}**: ${text}` }),
      r: hookSalt(secret, key ?? txnId),
      senderCounter: NOT_COUNTED,
    },
    nodeEd25519,
  );
  const command = { kind: 'hook.say', actor: null, txnId, body: { hook, envelope, formerTxnId } } as const;
  const { seq, id, sentAt, index } = await submit(context, command, request);
  return { room, seq, id, sentAt: timeOf(sentAt), cursor: encodeCursor(context.node.clusterId!, startOfEntry(index)) };
}

/** Without a key, a new one each time; with one, the same for the same day (UTC). */
function txnIdOf(hook: DeviceId, key: string | null, ms: number): TxnId {
  if (key === null) return makeTxnId(ms, randomBytes(TXN_RANDOM_BYTES));
  const digest = createHash('sha256')
    .update(JSON.stringify([hook, key]))
    .digest();
  return makeTxnId(Math.floor(ms / DAY_MS) * DAY_MS, digest.subarray(0, TXN_RANDOM_BYTES));
}
