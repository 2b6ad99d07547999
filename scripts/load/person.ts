import { ulid } from './ulid.ts';
import { requestJson } from './http.ts';
import {
  createDeviceKeys,
  createUserKey,
  publicDeviceKeys,
  signDeviceRecord,
  signSessionChallenge,
} from '../../src/crypto/identity.ts';
import { nodeRandom } from '../../src/crypto/node-random.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { createSessionSecret, formatAccessToken } from '../../src/crypto/tokens.ts';
import { fromBase64Url, toBase64Url } from '../../src/protocol/base64url.ts';
import type { DeviceKeys } from '../../src/crypto/identity.ts';
import type { AccountId, ClusterId, RoomId, SessionId } from '../../src/protocol/ids.ts';
import type { RoomDetailJson } from '../../src/protocol/http/schemas.ts';

/** Somebody who writes: an account with one device and an open session. */
export interface Person {
  readonly name: string;
  readonly account: AccountId;
  readonly cluster: ClusterId;
  readonly keys: DeviceKeys;
  /** The newest; `tokenOf` replaces it in time. */
  session: { readonly token: string; readonly openedAtMs: number };
}

/** Well before an access token expires. */
const SESSION_AGE_MS_MAX = LIMITS.accessTokenTtlMs / 2;

/** Registers an account and opens a session, over the public API. */
export async function createPerson(endpoint: string, name: string): Promise<Person> {
  const user = createUserKey(nodeRandom);
  const keys = createDeviceKeys(nodeRandom);
  const record = signDeviceRecord(user, publicDeviceKeys(keys));
  await requestJson(endpoint, 'POST', '/v1/accounts', {
    body: {
      name,
      userKey: toBase64Url(user.signing.publicKey),
      device: {
        device: record.device,
        signingKey: toBase64Url(record.signingKey),
        sealingKey: toBase64Url(record.sealingKey),
        signature: toBase64Url(record.signature),
      },
      txnId: ulid(),
    },
  });
  const who = { name, account: user.account, keys };
  return { ...who, ...(await openSession(endpoint, who)) };
}

/** An access token that lasts for some minutes: runs may be longer than one does. */
export async function tokenOf(endpoint: string, person: Person): Promise<string> {
  if (performance.now() - person.session.openedAtMs > SESSION_AGE_MS_MAX) {
    ({ session: person.session } = await openSession(endpoint, person));
  }
  return person.session.token;
}

async function openSession(
  endpoint: string,
  { name, account, keys }: Pick<Person, 'name' | 'account' | 'keys'>,
): Promise<Pick<Person, 'cluster' | 'session'>> {
  const openedAtMs = performance.now();
  const { cluster, challenge } = await requestJson<{ cluster: ClusterId; challenge: string }>(
    endpoint,
    'POST',
    '/v1/sessions/challenge',
    { body: { account: name, device: keys.device } },
  );
  const access = createSessionSecret(nodeRandom);
  const refresh = createSessionSecret(nodeRandom);
  const signature = signSessionChallenge(keys, {
    cluster,
    origin: endpoint,
    account,
    challenge: fromBase64Url(challenge),
    accessHash: access.hash,
    refreshHash: refresh.hash,
  });
  const { session } = await requestJson<{ session: SessionId }>(endpoint, 'POST', '/v1/sessions', {
    body: {
      account: name,
      device: keys.device,
      origin: endpoint,
      challenge,
      accessHash: toBase64Url(access.hash),
      refreshHash: toBase64Url(refresh.hash),
      signature: toBase64Url(signature),
      txnId: ulid(),
    },
  });
  return { cluster, session: { token: formatAccessToken(session, access.secret), openedAtMs } };
}

/** The direct room of two people, with its roster. */
export async function openDirectRoom(endpoint: string, person: Person, peer: Person): Promise<RoomDetailJson> {
  const { room } = await requestJson<{ room: RoomId }>(endpoint, 'POST', '/v1/rooms', {
    token: await tokenOf(endpoint, person),
    body: { kind: 'direct', members: [peer.account], txnId: ulid() },
  });
  return requestJson<RoomDetailJson>(endpoint, 'GET', `/v1/rooms/${room}`, { token: await tokenOf(endpoint, person) });
}
