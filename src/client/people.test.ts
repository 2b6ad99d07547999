import { beforeEach, describe, expect, it } from 'vitest';
import { createDeviceKeys, createUserKey, publicDeviceKeys, signDeviceRecord } from '../crypto/identity.ts';
import { nodeRandom } from '../crypto/node-random.ts';
import { toBase64Url } from '../protocol/base64url.ts';
import { directRoomIdOf } from '../protocol/derive-ids.ts';
import { TestClient } from '../testing/client/test-client.ts';
import { deviceRecordJson } from './device-json.ts';
import { People } from './people.ts';
import type { DeviceKeys, UserKey } from '../crypto/identity.ts';
import type { AccountName } from '../protocol/ids.ts';
import type { ToldPerson } from './people.ts';

const told = (name: string, user: UserKey, devices: readonly DeviceKeys[]): ToldPerson => ({
  account: name,
  accountId: user.account,
  userKey: toBase64Url(user.signing.publicKey),
  devices: devices.map((keys) => deviceRecordJson(signDeviceRecord(user, publicDeviceKeys(keys)))),
});

describe('people', () => {
  const [bob, mallory] = [createUserKey(nodeRandom), createUserKey(nodeRandom)];
  const [first, second, evil] = Array.from({ length: 3 }, () => createDeviceKeys(nodeRandom)) as [
    DeviceKeys,
    DeviceKeys,
    DeviceKeys,
  ];
  let person: TestClient;
  let people: People;
  beforeEach(async () => {
    person = await TestClient.open({ endpoints: ['http://127.0.0.1:1'] });
    people = new People(person.platform);
  });

  it('are pinned at first sight, and may have more devices later', async () => {
    expect(await people.pinned('bob' as AccountName)).toBeUndefined();
    await people.meet([told('bob', bob, [first])]);
    const [known] = await people.meet([told('bob', bob, [first, second])]);
    expect(known!.devices.map(({ device }) => device)).toEqual([first.device, second.device]);
    expect(await people.pinned('bob' as AccountName)).toBe(bob.account);
    expect(await people.nameOf(bob.account)).toBe('bob');
    expect(await people.device(second.device)).toMatchObject({ account: bob.account });
  });

  it.each<[string, () => ToldPerson]>([
    ['another account under the name', () => told('bob', mallory, [evil])],
    ['the account under another name', () => told('robert', bob, [first])],
    [
      'another key of the account',
      () => ({ ...told('bob', bob, [first]), userKey: toBase64Url(mallory.signing.publicKey) }),
    ],
    [
      'an account whose id is not that of its key',
      () => ({ ...told('carl', mallory, [evil]), accountId: createUserKey(nodeRandom).account }),
    ],
  ])('are refused when a node shows %s', async (_what, lie) => {
    await people.meet([told('bob', bob, [first])]);
    await expect(people.meet([lie()])).rejects.toMatchObject({ code: 'user_key_changed', exitCode: 7 });
  });

  const spoiled = (change: Partial<ToldPerson['devices'][number]>): ToldPerson => {
    const honest = told('bob', bob, [first]);
    return { ...honest, devices: honest.devices.map((device) => ({ ...device, ...change })) };
  };
  it.each<[string, () => ToldPerson]>([
    ['signed by nobody', () => spoiled({ signature: toBase64Url(new Uint8Array(64)) })],
    ['signed by somebody else', () => ({ ...told('bob', bob, []), devices: told('x', mallory, [evil]).devices })],
    ['with another sealing key', () => spoiled({ sealingKey: toBase64Url(evil.sealing.publicKey) })],
    ['with another signing key', () => spoiled({ signingKey: toBase64Url(evil.signing.publicKey) })],
    ['with another id', () => spoiled({ device: evil.device })],
    ['with a key that is none', () => spoiled({ sealingKey: toBase64Url(new Uint8Array(32)) })],
  ])('are refused with a device %s', async (_what, lie) => {
    await expect(people.meet([lie()])).rejects.toMatchObject({ code: 'invalid_signature', exitCode: 1 });
    expect(await people.pinned('bob' as AccountName)).toBeUndefined();
  });

  it('keep the keys that were checked, whatever a node shows later', async () => {
    await people.meet([told('bob', bob, [first])]);
    const swapped = spoiled({ sealingKey: toBase64Url(evil.sealing.publicKey) });
    await expect(people.meet([swapped])).rejects.toMatchObject({ code: 'invalid_signature' });
    const known = await people.device(first.device);
    expect(toBase64Url(known!.sealingKey)).toBe(toBase64Url(first.sealing.publicKey));
  });

  it('cannot take over the device of somebody else by signing its keys', async () => {
    await people.meet([told('bob', bob, [first])]);
    await expect(people.meet([told('mallory', mallory, [first])])).rejects.toMatchObject({ code: 'invalid_signature' });
    expect(await people.device(first.device)).toMatchObject({ account: bob.account });
  });

  it('are met all or not at all', async () => {
    const lie = told('mallory', mallory, [evil]);
    const meeting = people.meet([told('bob', bob, [first]), { ...lie, userKey: toBase64Url(bob.signing.publicKey) }]);
    await expect(meeting).rejects.toMatchObject({ code: 'user_key_changed' });
    expect(await people.pinned('bob' as AccountName)).toBeUndefined();
    expect(await people.device(first.device)).toBeUndefined();
  });

  it('are recognised by the room that they share alone', async () => {
    await people.meet([told('bob', bob, [first]), told('mallory', mallory, [evil])]);
    const own = createUserKey(nodeRandom).account;
    expect(await people.peerIn(directRoomIdOf(own, bob.account), own)).toBe(bob.account);
    expect(await people.peerIn(directRoomIdOf(own, own), own)).toBeNull();
  });
});
