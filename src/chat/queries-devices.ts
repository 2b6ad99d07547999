import { KEYS } from './keys.ts';
import { readRow } from './queries-rows.ts';
import { accountCodec, answerCodec, deviceCodec, requestsCodec } from './rows.ts';
import type { DeviceRecord } from '../protocol/device-record.ts';
import type { AccountId, DeviceId, StampMs } from '../protocol/ids.ts';
import type { StateReader } from './ports.ts';

export interface DeviceRequestInfo {
  readonly device: DeviceId;
  readonly signingKey: Uint8Array;
  readonly sealingKey: Uint8Array;
  readonly expiresAt: StampMs;
}

export type DeviceRequestState =
  | { readonly state: 'pending'; readonly request: DeviceRequestInfo }
  | {
      readonly state: 'approved';
      readonly record: DeviceRecord;
      /** Gone some days after the approval. */
      readonly sealedUserKey?: Uint8Array;
    };

/** Devices that wait to be enrolled at `stampMs`, oldest first. */
export function pendingDeviceRequests(
  reader: StateReader,
  account: AccountId,
  stampMs: StampMs,
): readonly DeviceRequestInfo[] {
  const row = readRow(reader, KEYS.requests(account), requestsCodec) ?? [];
  return row.filter(({ expiresAt }) => expiresAt > stampMs);
}

/** @returns undefined when this device neither waits for this account nor is enrolled in it */
export function deviceRequestState(
  reader: StateReader,
  account: AccountId,
  device: DeviceId,
  stampMs: StampMs,
): DeviceRequestState | undefined {
  const record = enrolledDevice(reader, account, device);
  if (record !== undefined) {
    const answer = readRow(reader, KEYS.answer(device), answerCodec);
    return answer === undefined
      ? { state: 'approved', record }
      : { state: 'approved', record, sealedUserKey: answer.sealedUserKey };
  }
  const request = pendingDeviceRequests(reader, account, stampMs).find((pending) => pending.device === device);
  return request === undefined ? undefined : { state: 'pending', request };
}

export function enrolledDevice(reader: StateReader, account: AccountId, device: DeviceId): DeviceRecord | undefined {
  const row = readRow(reader, KEYS.account(account), accountCodec);
  return row?.devices.find((record) => record.device === device);
}

/** Whose device it is or was. */
export function deviceOwner(
  reader: StateReader,
  device: DeviceId,
): { readonly account: AccountId; readonly revoked: boolean } | undefined {
  return readRow(reader, KEYS.device(device), deviceCodec);
}
