import { approvalCodeOf, parseApprovalCode } from '../crypto/approval-code.ts';
import { openUserKey, sealUserKey } from '../crypto/hpke-user-key.ts';
import { createDeviceKeys, createUserKey, publicDeviceKeys, signDeviceRecord } from '../crypto/identity.ts';
import { isFirstUserKey, verifyDeviceRecord } from '../crypto/verify.ts';
import { fromBase64Url, toBase64Url } from '../protocol/base64url.ts';
import { ParleyError } from '../protocol/errors.ts';
import { isAccountName } from '../protocol/ids.ts';
import { deviceKeysOf, userKeyOf } from './identity-keys.ts';
import { KEY, pack, readRow, writeRow } from './rows.ts';
import type { AccountId, AccountName, DeviceId } from '../protocol/ids.ts';
import type { DeviceRecord, PublicDeviceKeys } from '../protocol/device-record.ts';
import type { AccountJsonT } from '../protocol/http/schemas.ts';
import type { ClientContext } from './context.ts';
import type { IdentityRow } from './rows.ts';

const POLL_MS = 1_000;
const CALL_MS_MAX = 30_000;

export interface Enrolled {
  readonly account: AccountName;
  readonly device: DeviceId;
}

interface RequestStatus {
  readonly state: 'pending' | 'approved';
  readonly userKey: string;
  readonly accountId: AccountId;
  readonly record?: AccountJsonT['devices'][number];
  readonly sealedUserKey?: string;
}

export interface DeviceLine {
  readonly device: DeviceId;
  readonly own: boolean;
}

/** How a home comes by an account: a new one, or as a further device of an existing one. */
export class Account {
  readonly #context: ClientContext;

  constructor(context: ClientContext) {
    this.#context = context;
  }

  /**
   * Makes keys, keeps them, then registers: a registration whose answer got lost is taken up again.
   * @throws ParleyError `login_exists`, `already_registered`, `invite_required`, `registration_closed`
   */
  async register(wanted: string, invite: string | undefined): Promise<Enrolled> {
    const name = checkedName(wanted);
    const row = await this.#begin(name, 'registering');
    const user = userKeyOf(row, this.#context.platform)!;
    const record = signDeviceRecord(user, publicDeviceKeys(deviceKeysOf(row, this.#context.platform)));
    try {
      await this.#context.api.call(
        {
          method: 'POST',
          path: '/v1/accounts',
          body: {
            name,
            userKey: toBase64Url(user.signing.publicKey),
            device: deviceBody(record),
            txnId: row.txnId,
            ...(invite === undefined ? {} : { invite }),
          },
        },
        CALL_MS_MAX,
      );
    } catch (error) {
      if (error instanceof ParleyError && !error.retryable) await this.#abandon(row);
      throw error;
    }
    await this.#enrol({ ...row, state: 'enrolled' });
    return { account: name, device: row.device };
  }

  /**
   * Asks to become a device of an existing account.
   * @returns the code that an enrolled device has to approve
   */
  async requestEnrolment(wanted: string): Promise<{ readonly code: string; readonly device: DeviceId }> {
    const name = checkedName(wanted);
    const row = await this.#begin(name, 'requesting');
    const keys = publicDeviceKeys(deviceKeysOf(row, this.#context.platform));
    const { accountId } = await this.#context.api
      .call<{ accountId: AccountId }>(
        {
          method: 'POST',
          path: `/v1/accounts/${name}/device-requests`,
          body: { ...keyFields(keys), txnId: this.#context.newTxnId() },
        },
        CALL_MS_MAX,
      )
      .catch(async (error: unknown) => {
        if (error instanceof ParleyError && !error.retryable) await this.#abandon(row);
        throw error;
      });
    await this.#context.platform.store.transaction(async (tx) =>
      writeRow(tx, 'identity', { ...row, account: accountId }),
    );
    return { code: approvalCodeOf(accountId, keys), device: row.device };
  }

  /** Waits until an enrolled device has approved. @throws ParleyError `deadline_exceeded`, `no_such_request` */
  async awaitApproval(timeoutMs: number, signal?: AbortSignal): Promise<Enrolled> {
    const { platform, api } = this.#context;
    const row = await platform.store.transaction((tx) => readRow(tx, 'identity'));
    if (row?.state !== 'requesting') throw new ParleyError('no_such_request', 'This home does not wait for approval.');
    const deadline = platform.nowMs() + timeoutMs;
    while (signal?.aborted !== true) {
      const path = `/v1/accounts/${row.name}/device-requests/${row.device}`;
      const status = await api.call<RequestStatus>({ method: 'GET', path }, CALL_MS_MAX);
      if (status.state === 'approved') return this.#accept(row, status);
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
    const { requests } = await session.call<{ requests: Omit<AccountJsonT['devices'][number], 'signature'>[] }>(
      { method: 'GET', path: '/v1/device-requests?consistency=linearizable' },
      CALL_MS_MAX,
    );
    const keys = requests.map(publicKeysOf).find((candidate) => approvalCodeOf(row.account, candidate) === code);
    if (keys === undefined) throw new ParleyError('no_such_request', 'No device waits with this code.');
    const record = signDeviceRecord(user, keys);
    const sealedUserKey = sealUserKey(user, keys, platform.random);
    if (sealedUserKey === null) throw new ParleyError('invalid_field', 'That device sent an unusable key.');
    await session.call(
      {
        method: 'PUT',
        path: `/v1/devices/${keys.device}`,
        body: {
          record: deviceBody(record),
          sealedUserKey: toBase64Url(sealedUserKey),
          txnId: this.#context.newTxnId(),
        },
      },
      CALL_MS_MAX,
    );
    return { device: keys.device };
  }

  async devices(): Promise<DeviceLine[]> {
    const { row } = await this.#context.own();
    const told = await this.#context.read<AccountJsonT>(`/v1/accounts/${row.name}`, CALL_MS_MAX);
    const [person] = await this.#context.people.meet([told]);
    return person!.devices.map(({ device }) => ({ device, own: device === row.device }));
  }

  /** The keys of an unfinished attempt under the same name are taken up; anything else in the home is in the way. */
  async #begin(name: AccountName, state: 'registering' | 'requesting'): Promise<IdentityRow> {
    const { platform } = this.#context;
    return platform.store.transaction(async (tx) => {
      const known = await readRow(tx, 'identity');
      if (known?.state === 'enrolled') {
        throw new ParleyError('device_exists', `This home belongs to ${known.name} already: use another --home.`);
      }
      if (known !== undefined && known.name === name && known.state === state) return known;
      const user = createUserKey(platform.random);
      const keys = createDeviceKeys(platform.random);
      const isNew = state === 'registering';
      const row: IdentityRow = {
        name,
        account: user.account,
        device: keys.device,
        userKey: user.signing.publicKey,
        userSecret: isNew ? user.signing.secretKey : null,
        signingSecret: keys.signing.secretKey,
        sealingSecret: keys.sealing.secretKey,
        txnId: this.#context.newTxnId(),
        state,
      };
      writeRow(tx, 'identity', row);
      return row;
    });
  }

  /** @throws ParleyError `invalid_signature` when the approval is not what the account's key signed */
  async #accept(row: IdentityRow, status: RequestStatus): Promise<Enrolled> {
    const keys = deviceKeysOf(row, this.#context.platform);
    const userKey = fromBase64Url(status.userKey);
    const { account } = row;
    const { record, sealedUserKey } = status;
    const signed =
      record !== undefined &&
      record.device === row.device &&
      isFirstUserKey(account, userKey) &&
      verifyDeviceRecord(account, userKey, { ...publicDeviceKeys(keys), signature: fromBase64Url(record.signature) });
    const user =
      sealedUserKey === undefined ? null : openUserKey(fromBase64Url(sealedUserKey), keys, { account, userKey });
    if (!signed || user === null) {
      throw new ParleyError('invalid_signature', 'The approval is not signed by the key of this account: refused.');
    }
    await this.#enrol({ ...row, userKey, userSecret: user.signing.secretKey, state: 'enrolled' });
    return { account: row.name, device: row.device };
  }

  async #enrol(row: IdentityRow): Promise<void> {
    await this.#context.platform.store.transaction(async (tx) => {
      writeRow(tx, 'identity', row);
      tx.put(KEY.pin(row.account), pack({ name: row.name, account: row.account, userKey: row.userKey }));
      tx.put(KEY.pinName(row.name), pack(row.account));
    });
  }

  async #abandon(row: IdentityRow): Promise<void> {
    await this.#context.platform.store.transaction(async (tx) => {
      const current = await readRow(tx, 'identity');
      if (current?.device === row.device) tx.delete('identity');
    });
  }
}

function checkedName(wanted: string): AccountName {
  const name = wanted.replace(/^@/, '').toLowerCase();
  if (!isAccountName(name)) {
    throw new ParleyError('usage', `“${wanted}” is no account name: 2 to 32 of a–z, 0–9, dot, dash and underscore.`);
  }
  return name;
}

function keyFields(keys: PublicDeviceKeys): { device: string; signingKey: string; sealingKey: string } {
  return {
    device: keys.device,
    signingKey: toBase64Url(keys.signingKey),
    sealingKey: toBase64Url(keys.sealingKey),
  };
}

function deviceBody(record: DeviceRecord): AccountJsonT['devices'][number] {
  return { ...keyFields(record), signature: toBase64Url(record.signature) };
}

function publicKeysOf(json: { device: string; signingKey: string; sealingKey: string }): PublicDeviceKeys {
  return {
    device: json.device as DeviceId,
    signingKey: fromBase64Url(json.signingKey),
    sealingKey: fromBase64Url(json.sealingKey),
  };
}
