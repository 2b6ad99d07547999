import { describe, expect, it } from 'vitest';
import { openRoomIdOf } from '../protocol/derive-ids.ts';
import { makeTxnId } from '../protocol/txn-id.ts';
import { hookKeysOf, hookSalt, signHookRecord, verifyHookRecord } from './hook-keys.ts';
import { createUserKey, createDeviceKeys, publicDeviceKeys, signDeviceRecord } from './identity.ts';
import { nodeEd25519 } from './node-ed25519.ts';
import { nodeRandom } from './node-random.ts';
import { verifyDeviceRecord } from './verify.ts';
import type { DeviceRecord } from '../protocol/device-record.ts';

const user = createUserKey(nodeRandom);
const room = openRoomIdOf(user.account, makeTxnId(0, new Uint8Array(10)));
const secret = nodeRandom(32);
const record = signHookRecord(user, { keys: hookKeysOf(secret), room, name: 'alerts' });

describe('a hook', () => {
  it('has one key for one secret, whichever provider derives it', () => {
    expect(hookKeysOf(secret, nodeEd25519)).toEqual(hookKeysOf(secret));
    expect(hookKeysOf(nodeRandom(32)).hook).not.toBe(hookKeysOf(secret).hook);
    expect(hookSalt(secret, 'a')).not.toEqual(hookSalt(secret, 'b'));
    expect(() => hookKeysOf(new Uint8Array(31))).toThrow('secret of a hook');
  });

  it('is vouched for by its account, as it is', () => {
    const holds = (change: Partial<typeof record>): boolean =>
      verifyHookRecord(user.account, user.signing.publicKey, { ...record, ...change });
    expect(holds({})).toBe(true);
    const other = hookKeysOf(nodeRandom(32));
    expect(holds({ name: 'ann' })).toBe(false);
    expect(holds({ hook: other.hook })).toBe(false);
    expect(holds({ hook: other.hook, signingKey: other.signing.publicKey })).toBe(false);
    expect(holds({ room: openRoomIdOf(user.account, makeTxnId(1, new Uint8Array(10))) })).toBe(false);
    const stranger = createUserKey(nodeRandom);
    expect(verifyHookRecord(stranger.account, stranger.signing.publicKey, record)).toBe(false);
  });

  it('cannot be passed off as a device, nor a device as a hook', () => {
    const keys = createDeviceKeys(nodeRandom);
    const passedOff: DeviceRecord = {
      device: record.hook,
      signingKey: record.signingKey,
      sealingKey: keys.sealing.publicKey,
      signature: record.signature,
    };
    expect(verifyDeviceRecord(user.account, user.signing.publicKey, passedOff)).toBe(false);
    const device = signDeviceRecord(user, publicDeviceKeys(keys));
    const asHook = { ...record, hook: device.device, signingKey: device.signingKey, signature: device.signature };
    expect(verifyHookRecord(user.account, user.signing.publicKey, asHook)).toBe(false);
  });
});
