import { expect, it } from 'vitest';
import { accountIdOf, clusterIdOf, deviceIdOf } from './derive-ids.ts';
import { deviceLinkBytes, deviceRecordBytes, sessionChallengeBytes } from './device-record.ts';

const bytes = (value: number) => new Uint8Array(32).fill(value);
const account = accountIdOf(bytes(1));
const keys = { device: deviceIdOf(bytes(2)), signingKey: bytes(2), sealingKey: bytes(3) };
const proof = {
  cluster: clusterIdOf(bytes(1).subarray(0, 16)),
  origin: 'http://127.0.0.1:8081',
  account,
  device: keys.device,
  challenge: bytes(4),
  accessHash: bytes(5),
  refreshHash: bytes(6),
};
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex');

it('signs each part: any other one gives other bytes', () => {
  const records = [
    deviceRecordBytes(account, keys),
    deviceRecordBytes(accountIdOf(bytes(9)), keys),
    deviceRecordBytes(account, { ...keys, device: deviceIdOf(bytes(9)) }),
    deviceRecordBytes(account, { ...keys, signingKey: bytes(9) }),
    deviceRecordBytes(account, { ...keys, sealingKey: bytes(9) }),
    deviceLinkBytes(account, keys),
  ];
  expect(new Set(records.map(hex)).size).toBe(records.length);
  const challenges = [
    proof,
    { ...proof, cluster: clusterIdOf(bytes(9).subarray(0, 16)) },
    { ...proof, origin: 'http://127.0.0.1:8082' },
    { ...proof, account: accountIdOf(bytes(9)) },
    { ...proof, device: deviceIdOf(bytes(9)) },
    { ...proof, challenge: bytes(9) },
    { ...proof, accessHash: bytes(9) },
    { ...proof, refreshHash: bytes(9) },
  ].map(sessionChallengeBytes);
  expect(new Set(challenges.map(hex)).size).toBe(challenges.length);
});
