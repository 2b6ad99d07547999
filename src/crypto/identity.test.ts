import { concatBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import { accountIdOf, clusterIdOf, deviceIdOf } from '../protocol/derive-ids.ts';
import { openUserKey, sealUserKey } from './hpke-user-key.ts';
import {
  createDeviceKeys,
  createUserKey,
  publicDeviceKeys,
  signDeviceRecord,
  signSessionChallenge,
} from './identity.ts';
import { nodeRandom } from './node-random.ts';
import { isFirstUserKey, verifyDeviceRecord, verifySessionChallenge } from './verify.ts';
import type { DeviceRecord } from '../protocol/device-record.ts';

const user = createUserKey(nodeRandom);
const stranger = createUserKey(nodeRandom);
const keys = createDeviceKeys(nodeRandom);
const otherKeys = createDeviceKeys(nodeRandom);

const flipped = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes, (byte, i) => (i === 5 ? byte ^ 0x10 : byte));

describe('a user key', () => {
  it('gives its account the id', () => {
    expect(user.account).toBe(accountIdOf(user.signing.publicKey));
    expect(isFirstUserKey(user.account, user.signing.publicKey)).toBe(true);
    expect(isFirstUserKey(user.account, stranger.signing.publicKey)).toBe(false);
    expect(isFirstUserKey(user.account, new Uint8Array(31))).toBe(false);
  });
});

describe('a device record', () => {
  const record = signDeviceRecord(user, publicDeviceKeys(keys));
  const verify = (changes: Partial<DeviceRecord>): boolean =>
    verifyDeviceRecord(user.account, user.signing.publicKey, { ...record, ...changes });

  it('verifies as the user key signed it', () => {
    expect(record.device).toBe(deviceIdOf(keys.signing.publicKey));
    expect(verify({})).toBe(true);
  });

  it('does not verify with anything exchanged', () => {
    expect(verify({ device: otherKeys.device })).toBe(false);
    expect(verify({ signingKey: otherKeys.signing.publicKey })).toBe(false);
    expect(verify({ signingKey: otherKeys.signing.publicKey, device: otherKeys.device })).toBe(false);
    expect(verify({ sealingKey: otherKeys.sealing.publicKey })).toBe(false);
    expect(verify({ signature: flipped(record.signature) })).toBe(false);
    expect(verify({ signature: new Uint8Array(0) })).toBe(false);
    expect(verify({ signingKey: new Uint8Array(0) })).toBe(false);
    expect(verifyDeviceRecord(stranger.account, user.signing.publicKey, record)).toBe(false);
    expect(verifyDeviceRecord(user.account, stranger.signing.publicKey, record)).toBe(false);
    expect(verifyDeviceRecord(user.account, new Uint8Array(0), record)).toBe(false);
  });

  it('does not verify when the user key vouches for a wrong id or for a key nothing can be sealed to', () => {
    const withOtherId = signDeviceRecord(user, { ...publicDeviceKeys(keys), device: otherKeys.device });
    expect(verifyDeviceRecord(user.account, user.signing.publicKey, withOtherId)).toBe(false);
    const unusable = signDeviceRecord(user, { ...publicDeviceKeys(keys), sealingKey: new Uint8Array(32) });
    expect(verifyDeviceRecord(user.account, user.signing.publicKey, unusable)).toBe(false);
  });
});

describe('a session challenge', () => {
  const proof = {
    cluster: clusterIdOf(Uint8Array.of(1)),
    origin: 'http://127.0.0.1:8081',
    account: user.account,
    challenge: nodeRandom(48),
    accessHash: nodeRandom(32),
    refreshHash: nodeRandom(32),
  };
  const signature = signSessionChallenge(keys, proof);
  const full = { ...proof, device: keys.device };

  it('is proved by the device it names', () => {
    expect(verifySessionChallenge(keys.signing.publicKey, full, signature)).toBe(true);
    expect(verifySessionChallenge(otherKeys.signing.publicKey, full, signature)).toBe(false);
    expect(verifySessionChallenge(keys.signing.publicKey, full, flipped(signature))).toBe(false);
  });

  it.each([
    { cluster: clusterIdOf(Uint8Array.of(2)) },
    { origin: 'http://127.0.0.1:8082' },
    { account: stranger.account },
    { device: otherKeys.device },
    { challenge: nodeRandom(48) },
    { accessHash: nodeRandom(32) },
    { refreshHash: nodeRandom(32) },
    { accessHash: proof.refreshHash, refreshHash: proof.accessHash },
  ])('holds for nothing else (%#)', (change) => {
    expect(verifySessionChallenge(keys.signing.publicKey, { ...full, ...change }, signature)).toBe(false);
  });
});

describe('the user key on its way to a new device', () => {
  const expected = { account: user.account, userKey: user.signing.publicKey };
  const to = { device: keys.device, sealingKey: keys.sealing.publicKey };
  const sealed = sealUserKey(user, to, nodeRandom)!;

  it('arrives', () => {
    expect(openUserKey(sealed, keys, expected)).toEqual(user);
  });

  it('opens on no other device, for no other account, and not altered', () => {
    expect(openUserKey(sealed, otherKeys, expected)).toBeNull();
    expect(openUserKey(sealed, { ...keys, device: otherKeys.device }, expected)).toBeNull();
    expect(openUserKey(sealed, keys, { ...expected, account: stranger.account })).toBeNull();
    expect(openUserKey(flipped(sealed), keys, expected)).toBeNull();
    expect(openUserKey(concatBytes(sealed, Uint8Array.of(0)), keys, expected)).toBeNull();
    expect(openUserKey(new Uint8Array(0), keys, expected)).toBeNull();
  });

  it('is refused when it is another key than the account’s', () => {
    const exchanged = sealUserKey({ account: user.account, signing: stranger.signing }, to, nodeRandom)!;
    expect(openUserKey(exchanged, keys, expected)).toBeNull();
    const strangers = { account: user.account, userKey: stranger.signing.publicKey };
    expect(openUserKey(exchanged, keys, strangers)).toBeNull();
    expect(openUserKey(sealed, keys, { ...expected, userKey: new Uint8Array(0) })).toBeNull();
  });

  it('is not sealed to a key of small order', () => {
    expect(sealUserKey(user, { ...to, sealingKey: new Uint8Array(32) }, nodeRandom)).toBeNull();
  });
});
