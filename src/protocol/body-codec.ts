import { isAccountId, isAccountName, isDeviceId } from './ids.ts';
import type { DeviceRecord } from './device-record.ts';
import type { StampMs } from './ids.ts';

/** The fields of a kind of body, in a fixed order; what is optional is nil when it is missing. */
export interface BodyCodec<Body> {
  toFields(body: Body): unknown[];
  /** @returns undefined unless the fields have exactly this form, within `LIMITS` */
  fromFields(fields: readonly unknown[]): Body | undefined;
}

const KEY_BYTES = 32;
const HASH_BYTES = 32;
const SIGNATURE_BYTES = 64;
const CHALLENGE_ID_BYTES_MIN = 16;
const CHALLENGE_ID_BYTES_MAX = 64;

export type Check<T> = (value: unknown) => value is T;
export const text =
  <T extends string>(check: (value: string) => value is T): Check<T> =>
  (value): value is T =>
    typeof value === 'string' && check(value);
export const bytesOf =
  (min: number, max = min): Check<Uint8Array> =>
  (value): value is Uint8Array =>
    value instanceof Uint8Array && value.length >= min && value.length <= max;
export const listOf =
  <T>(check: Check<T>, max: number): Check<readonly T[]> =>
  (value): value is readonly T[] =>
    Array.isArray(value) && value.length <= max && value.every((item) => check(item));
export const orNil =
  <T>(check: Check<T>): Check<T | null> =>
  (value): value is T | null =>
    value === null || check(value);

export const numberFrom =
  (min: number, max = Number.MAX_SAFE_INTEGER): Check<number> =>
  (value): value is number =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;

export const account = text(isAccountId);
export const accountName = text(isAccountName);
export const key = bytesOf(KEY_BYTES);
export const hash = bytesOf(HASH_BYTES);
export const signature = bytesOf(SIGNATURE_BYTES);
export const challengeId = bytesOf(CHALLENGE_ID_BYTES_MIN, CHALLENGE_ID_BYTES_MAX);
export const time: Check<StampMs> = (value): value is StampMs =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

const device = text(isDeviceId);
export const record: Check<[DeviceRecord['device'], Uint8Array, Uint8Array, Uint8Array]> = (
  value,
): value is [DeviceRecord['device'], Uint8Array, Uint8Array, Uint8Array] =>
  Array.isArray(value) &&
  value.length === 4 &&
  device(value[0]) &&
  key(value[1]) &&
  key(value[2]) &&
  signature(value[3]);

export const recordFields = (it: DeviceRecord): unknown[] => [it.device, it.signingKey, it.sealingKey, it.signature];
export const recordOf = ([id, signingKey, sealingKey, signature]: [
  DeviceRecord['device'],
  Uint8Array,
  Uint8Array,
  Uint8Array,
]): DeviceRecord => ({ device: id, signingKey, sealingKey, signature });

type Checked<Checks extends readonly Check<unknown>[]> = {
  [I in keyof Checks]: Checks[I] extends Check<infer T> ? T : never;
};

/** A codec from the list of its fields' checks and the two directions. */
export function codec<Body, const Checks extends readonly Check<unknown>[]>(
  checks: Checks,
  toFields: (body: Body) => unknown[],
  build: (...fields: Checked<Checks>) => Body,
): BodyCodec<Body> {
  return {
    toFields,
    fromFields: (fields) =>
      fields.length === checks.length && checks.every((check, i) => check(fields[i]))
        ? build(...(fields as unknown as Checked<Checks>))
        : undefined,
  };
}
