import { randomBytes } from 'node:crypto';
import { hookKeysOf, signHookRecord } from '../../src/crypto/hook-keys.ts';
import { toBase64Url } from '../../src/protocol/base64url.ts';
import { nextTxnId } from '../../src/testing/api-person.ts';
import type { HookKeys } from '../../src/crypto/hook-keys.ts';
import type { RoomId } from '../../src/protocol/ids.ts';
import type { RouteCases } from './route-case.ts';
import type { Stage } from './stage.ts';

const NAME = 'press';

function hookBody(stage: Stage, keys: HookKeys, room: RoomId): object {
  const { signingKey, signature } = signHookRecord(stage.ada.user, { keys, room, name: NAME });
  return { name: NAME, signingKey: toBase64Url(signingKey), signature: toBase64Url(signature), txnId: nextTxnId() };
}

/** A webhook of ada's into an open room of hers. */
async function madeHook(stage: Stage): Promise<{ room: RoomId; hook: string; secret: string }> {
  const secret = new Uint8Array(randomBytes(32));
  const keys = hookKeysOf(secret);
  const room = await stage.ada.createOpenRoom('Workshop');
  await stage.needs(stage.ada, 'POST', `/v1/rooms/${room}/hooks`, hookBody(stage, keys, room));
  return { room, hook: keys.hook, secret: toBase64Url(secret) };
}

/** Webhooks into open rooms. */
export const HOOK_CASES: RouteCases = {
  'POST /v1/rooms/{room}/hooks': async (stage) => {
    const room = await stage.ada.createOpenRoom('Workshop');
    const json = hookBody(stage, hookKeysOf(new Uint8Array(randomBytes(32))), room);
    // Whoever else asks is not whom the signature is of.
    return { path: `/v1/rooms/${room}/hooks`, json, deniedTo: stage.bob.token };
  },
  'GET /v1/rooms/{room}/hooks': async (stage) => ({ path: `/v1/rooms/${(await madeHook(stage)).room}/hooks` }),
  'DELETE /v1/rooms/{room}/hooks/{hook}': async (stage) => {
    const { room, hook } = await madeHook(stage);
    return { path: `/v1/rooms/${room}/hooks/${hook}?txnId=${nextTxnId()}`, deniedTo: stage.bob.token };
  },
  'POST /v1/hooks/{hook}': async (stage) => {
    const { hook, secret } = await madeHook(stage);
    // Without a key each request says something of its own.
    const json = { text: 'the press has stopped' };
    return { path: `/v1/hooks/${hook}`, json, token: secret, deniedTo: stage.ada.token, repeats: 'not-the-same' };
  },
};
