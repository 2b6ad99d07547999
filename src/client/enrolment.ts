import { approvalCodeOf, parseApprovalCode } from '../crypto/approval-code.ts';
import { openUserKey, sealUserKey } from '../crypto/hpke-user-key.ts';
import { publicDeviceKeys, signDeviceRecord } from '../crypto/identity.ts';
import { isFirstUserKey, verifyDeviceRecord } from '../crypto/verify.ts';
import { fromBase64Url, toBase64Url } from '../protocol/base64url.ts';
import { ParleyError } from '../protocol/errors.ts';
import { anything, deviceRequested, deviceRequests, deviceRequestStatus } from './answers.ts';
import { deviceKeysIn, deviceKeysJson, deviceRecordJson } from './device-json.ts';
import { deviceKeysOf, userKeyOf } from './identity-keys.ts';
import { abandonIdentity, beginIdentity, checkedName, completeIdentity, keepIdentity } from './own-identity.ts';
import { readRow } from './rows.ts';
import type { Static } from '@sinclair/typebox';
import type { PublicDeviceKeys } from '../protocol/device-record.ts';
import type { DeviceRequestStatus } from '../protocol/http/schemas.ts';
import type { AccountId, DeviceId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { Enrolled } from './own-identity.ts';
import type { IdentityRow } from './rows.ts';

const POLL_MS = 1_000;
const CALL_MS_MAX = 30_000;

/** A further device of an account: it asks, shows a code, and waits; one that is enrolled approves the code. */
export class Enrolment {
  readonly #context: ClientContext;

  constructor(context: ClientContext) {
    this.#context = context;
  }

  /**
   * Asks to become a device of an existing account.
   * @returns the code that an enrolled device has to approve
   */
  async request(wanted: string): Promise<{ readonly code: string; readonly device: DeviceId }> {
    const name = checkedName(wanted);
    const row = await beginIdentity(this.#context, name, 'requesting');
    await this.#context.joinCluster(CALL_MS_MAX);
    const asked = await this.#ask(row, CALL_MS_MAX);
    await keepIdentity(this.#context, asked);
    return { code: approvalCodeOf(asked.account, this.#publicKeys(asked)), device: row.device };
  }

  /**
   * Waits until an enrolled device has approved, or `signal` aborts.
   * @throws ParleyError `deadline_exceeded`, `no_such_request`, `invalid_signature` (a forged approval)
   */
  async awaitApproval(timeoutMs: number, signal?: AbortSignal): Promise<Enrolled> {
    const { platform } = this.#context;
    const row = await platform.store.transaction((tx) => readRow(tx, 'identity'));
    if (row?.state !== 'requesting') throw new ParleyError('no_such_request', 'This home does not wait for approval.');
    const deadline = platform.nowMs() + timeoutMs;
    while (signal?.aborted !== true) {
      const status = await this.#status(row, signal).catch((error: unknown) => {
        if (error instanceof ParleyError && error.retryable) return null;
        throw error;
      });
      if (status?.state === 'approved') return this.#accept(row, status);
      if (platform.nowMs() > deadline) break;
      await platform.pause(POLL_MS, signal);
    }
    throw new ParleyError('deadline_exceeded', 'Nobody approved this device in time; run login again.');
  }

  /** @throws ParleyError `no_such_request`, `forbidden` (this device holds no user key) */
  async approve(typedCode: string): Promise<{ readonly device: DeviceId }> {
    const { platform, session } = this.#context;
    const code = parseApprovalCode(typedCode);
    if (code === null) throw new ParleyError('usage', 'This is no approval code; it looks like XXXX-XXXX-XXXX-XXXX.');
    const { row } = await this.#context.own();
    const user = userKeyOf(row, platform);
    if (user === null) throw new ParleyError('forbidden', 'This device may not approve others.');
    const { requests } = await this.#context.readNewest('/v1/device-requests', deviceRequests, CALL_MS_MAX);
    const keys = requests.map(deviceKeysIn).find((candidate) => approvalCodeOf(row.account, candidate) === code);
    if (keys === undefined) throw new ParleyError('no_such_request', 'No device waits with this code.');
    const record = signDeviceRecord(user, keys);
    const sealedUserKey = sealUserKey(user, keys, platform.random);
    if (sealedUserKey === null) throw new ParleyError('invalid_field', 'That device sent an unusable key.');
    await session.call(
      {
        method: 'PUT',
        path: `/v1/devices/${keys.device}`,
        body: {
          record: deviceRecordJson(record),
          sealedUserKey: toBase64Url(sealedUserKey),
          txnId: this.#context.newTxnId(),
        },
        answer: anything,
      },
      CALL_MS_MAX,
    );
    return { device: keys.device };
  }

  /** @returns the row with the account that the request was made to */
  async #ask(row: IdentityRow, deadlineMs: number): Promise<IdentityRow> {
    const path = `/v1/accounts/${row.name}/device-requests`;
    const body = { ...deviceKeysJson(this.#publicKeys(row)), txnId: this.#context.newTxnId() };
    try {
      const request = { method: 'POST', path, body, answer: deviceRequested } as const;
      const { accountId } = await this.#context.api.call(request, deadlineMs);
      return { ...row, account: accountId as AccountId };
    } catch (error) {
      if (!(error instanceof ParleyError) || error.code !== 'device_exists') throw error;
      // An earlier attempt was approved when nobody waited here any more; or these keys are of no use any longer.
      const status = await this.#statusNow(row).catch((refusal: unknown) => {
        if (refusal instanceof ParleyError && !refusal.retryable) return null;
        throw refusal;
      });
      if (status?.state === 'approved') return { ...row, account: status.accountId as AccountId };
      await abandonIdentity(this.#context, row);
      throw error;
    }
  }

  /** Requests end some time before people do: one that is forgotten is made again, and has the same code. */
  async #status(row: IdentityRow, signal?: AbortSignal): Promise<Static<typeof DeviceRequestStatus>> {
    try {
      return await this.#statusNow(row, signal);
    } catch (error) {
      if (!(error instanceof ParleyError) || error.code !== 'no_such_request') throw error;
      const { account } = await this.#ask(row, CALL_MS_MAX);
      if (account !== row.account) throw error;
      return this.#statusNow(row, signal);
    }
  }

  #statusNow(row: IdentityRow, signal?: AbortSignal): Promise<Static<typeof DeviceRequestStatus>> {
    const path = `/v1/accounts/${row.name}/device-requests/${row.device}`;
    return this.#context.api.call({ method: 'GET', path, answer: deviceRequestStatus }, CALL_MS_MAX, signal);
  }

  /** @throws ParleyError `invalid_signature` when the approval is not what the account's key signed */
  async #accept(row: IdentityRow, status: Static<typeof DeviceRequestStatus>): Promise<Enrolled> {
    const keys = deviceKeysOf(row, this.#context.platform);
    const userKey = fromBase64Url(status.userKey);
    const { account } = row;
    const { record, sealedUserKey } = status;
    if (sealedUserKey === undefined) {
      await abandonIdentity(this.#context, row);
      throw new ParleyError('no_such_request', 'The approval of this device has expired: log in again.');
    }
    const signed =
      record !== undefined &&
      record.device === row.device &&
      isFirstUserKey(account, userKey) &&
      verifyDeviceRecord(account, userKey, { ...publicDeviceKeys(keys), signature: fromBase64Url(record.signature) });
    const user = openUserKey(fromBase64Url(sealedUserKey), keys, { account, userKey });
    if (!signed || user === null) {
      throw new ParleyError('invalid_signature', 'The approval is not signed by the key of this account: refused.');
    }
    return completeIdentity(this.#context, { ...row, userKey, userSecret: user.signing.secretKey });
  }

  #publicKeys(row: IdentityRow): PublicDeviceKeys {
    return publicDeviceKeys(deviceKeysOf(row, this.#context.platform));
  }
}
