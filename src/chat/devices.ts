import { deviceIdOf } from '../protocol/derive-ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import { asDevice, audit } from './audit.ts';
import { ANSWER_TTL_MS } from './bounds.ts';
import { deviceFeed, KEYS } from './keys.ts';
import { accept, reject } from './results.ts';
import { sameBytes } from './roster.ts';
import { checkActor, checkAdmission, endSession } from './sessions.ts';
import type { DeviceRecord } from '../protocol/device-record.ts';
import type { AccountId, DeviceId, StampMs } from '../protocol/ids.ts';
import type { Handler } from './results.ts';
import type { AccountRow, RequestsRow } from './rows.ts';
import type { Work } from './work.ts';

/**
 * A device asks to be enrolled. Nobody vouches for it yet: it is shown to the account's own devices, and forgotten
 * after `LIMITS.deviceRequestTtlMs`.
 */
export const requestDevice: Handler<'device.request'> = (work, { body }) => {
  const { account, device, signingKey, sealingKey } = body;
  if (deviceIdOf(signingKey) !== device) return reject('invalid_field', 'The device id is not that of its key.');
  const row = work.accounts.get(account);
  if (row === undefined) return reject('no_such_user');
  if (work.devices.get(device) !== undefined) return reject('device_exists');
  const waiting = openRequests(work, account);
  const same = waiting.find((request) => request.device === device);
  if (same !== undefined) {
    // Somebody else's sealing key under this device's id: the first one stands, as shown to the account's owner.
    if (!sameBytes(same.sealingKey, sealingKey)) return reject('device_exists');
    return accept<'device.request'>({ device, expiresAt: same.expiresAt });
  }
  if (waiting.length >= LIMITS.deviceRequestsPerAccountMax) {
    return reject('too_many', `At most ${LIMITS.deviceRequestsPerAccountMax} devices may wait for one account.`);
  }
  if (row.devices.length >= LIMITS.devicesPerAccountMax) return tooManyDevices();

  const expiresAt = (work.stampMs + LIMITS.deviceRequestTtlMs) as StampMs;
  putRequests(work, account, [...waiting, { device, signingKey, sealingKey, expiresAt }]);
  work.expireAt(expiresAt, `${KEYS.requests(account)}/${device}`);
  work.emit({ kind: 'device-requested', account, device, at: work.stampMs }, account);
  return accept<'device.request'>({ device, expiresAt });
};

/** An enrolled device vouches for one that waits: exactly for the keys that were shown. */
export const approveDevice: Handler<'device.approve'> = (work, { actor, body }) => {
  const refusal = checkActor(work, actor);
  if (refusal !== undefined) return refusal;
  const { account } = actor!;
  const { record, sealedUserKey } = body;
  const row = work.accounts.get(account)!;
  if (row.devices.some(({ device }) => device === record.device)) return reject('device_exists');
  const waiting = openRequests(work, account);
  const request = waiting.find(({ device }) => device === record.device);
  if (request === undefined) return reject('no_such_request');
  if (!sameBytes(request.signingKey, record.signingKey) || !sameBytes(request.sealingKey, record.sealingKey)) {
    return reject('no_such_request', 'The device that waits has other keys.');
  }
  // Another account may have enrolled this key since it was asked for.
  if (work.devices.get(record.device) !== undefined) return reject('device_exists');
  if (row.devices.length >= LIMITS.devicesPerAccountMax) return tooManyDevices();
  if (!work.context.verifyDeviceRecord(account, row.userKey, record)) return reject('invalid_signature');

  answered(work, account, record.device);
  const expiresAt = (work.stampMs + ANSWER_TTL_MS) as StampMs;
  work.answers.put(record.device, { account, sealedUserKey, expiresAt });
  work.expireAt(expiresAt, KEYS.answer(record.device));
  addDevice(work, account, row, record);
  audit(work, 'device.added', { device: record.device });
  return accept<'device.approve'>({ device: record.device });
};

/** Somebody who has proved a password or a recovery code, and has got the user key from the vault, enrols a device. */
export const enrolDevice: Handler<'device.enrol'> = (work, { body }) => {
  const { grantHash, record } = body;
  const grant = work.grants.get(grantHash);
  if (grant === undefined || grant.expiresAt <= work.stampMs) return reject('unauthenticated');
  // Of the same device, it says below that it exists: the answer to an earlier attempt may have been lost.
  if (grant.device !== null && grant.device !== record.device) {
    return reject('forbidden', 'This proof was used for another device.');
  }
  const { account } = grant;
  const refusal = checkAdmission(work, account);
  if (refusal !== undefined) return refusal;
  if (work.devices.get(record.device) !== undefined) return reject('device_exists');
  const row = work.accounts.get(account)!;
  if (row.devices.length >= LIMITS.devicesPerAccountMax) return tooManyDevices();
  if (!work.context.verifyDeviceRecord(account, row.userKey, record)) return reject('invalid_signature');

  answered(work, account, record.device);
  work.grants.put(grantHash, { ...grant, device: record.device });
  addDevice(work, account, row, record);
  audit(work, 'device.added', { device: record.device }, asDevice(account, record.device));
  return accept<'device.enrol'>({ device: record.device });
};

/** It waits no more. */
function answered(work: Work, account: AccountId, device: DeviceId): void {
  const waiting = openRequests(work, account);
  const request = waiting.find((other) => other.device === device);
  if (request === undefined) return;
  putRequests(
    work,
    account,
    waiting.filter((other) => other !== request),
  );
  work.cancelExpiry(request.expiresAt, `${KEYS.requests(account)}/${device}`);
}

function addDevice(work: Work, account: AccountId, row: AccountRow, record: DeviceRecord): void {
  work.devices.put(record.device, { account, revoked: false });
  changeDevices(work, account, row, [...row.devices, record]);
  announceDevice(work, account, record.device, 'added');
}

/** Ends the device's sessions with it. Its key never comes back. */
export const revokeDevice: Handler<'device.revoke'> = (work, { actor, body }) => {
  const refusal = checkActor(work, actor);
  if (refusal !== undefined) return refusal;
  const { account } = actor!;
  const { device } = body;
  const row = work.accounts.get(account)!;
  const rest = row.devices.filter((record) => record.device !== device);
  if (rest.length === row.devices.length) return reject('no_such_device');
  if (rest.length === 0) return reject('forbidden', 'The last device of an account cannot be revoked.');

  work.devices.put(device, { account, revoked: true });
  changeDevices(work, account, row, rest);
  for (const session of work.deviceSessions.get(device) ?? []) endSession(work, session);
  announceDevice(work, account, device, 'revoked');
  audit(work, 'device.revoked', { device });
  return accept<'device.revoke'>({ device });
};

function openRequests(work: Work, account: AccountId): RequestsRow {
  return (work.requests.get(account) ?? []).filter(({ expiresAt }) => expiresAt > work.stampMs);
}

/** None waits any more. */
export function forgetRequests(work: Work, account: AccountId): void {
  for (const { device, expiresAt } of work.requests.get(account) ?? []) {
    work.cancelExpiry(expiresAt, `${KEYS.requests(account)}/${device}`);
  }
  work.requests.delete(account);
}

function putRequests(work: Work, account: AccountId, requests: RequestsRow): void {
  if (requests.length === 0) work.requests.delete(account);
  else work.requests.put(account, requests);
}

/** A request that nobody answered. */
export function forgetRequest(work: Work, account: AccountId, device: DeviceId): boolean {
  const row = work.requests.get(account);
  const rest = row?.filter((request) => request.device !== device || request.expiresAt > work.stampMs);
  if (row === undefined || rest === undefined || rest.length === row.length) return false;
  putRequests(work, account, rest);
  return true;
}

/** The roster versions of all rooms of this account grow by this alone. */
export function changeDevices(work: Work, account: AccountId, row: AccountRow, devices: AccountRow['devices']): void {
  const deviceVersion = row.deviceVersion + 1;
  work.accounts.put(account, { ...row, devices, deviceVersion, devicesChangedIndex: work.index });
  const globals = work.globalsRow();
  work.globals.put('globals', { deviceEpoch: globals.deviceEpoch + 1, deviceIndex: work.index });
}

export function announceDevice(work: Work, account: AccountId, device: DeviceId, change: 'added' | 'revoked'): void {
  work.emit({ kind: 'devices-changed', account, device, change, at: work.stampMs }, deviceFeed(account));
}

function tooManyDevices(): ReturnType<typeof reject> {
  return reject('too_many', `An account has at most ${LIMITS.devicesPerAccountMax} devices.`);
}
