import { publicDeviceKeys, signDeviceRecord } from '../crypto/identity.ts';
import { toBase64Url } from '../protocol/base64url.ts';
import { ParleyError } from '../protocol/errors.ts';
import { isAccountName } from '../protocol/ids.ts';
import { accountCalled, named, registered } from './answers.ts';
import { deviceRecordJson } from './device-json.ts';
import { deviceKeysOf, userKeyOf } from './identity-keys.ts';
import { beginIdentity, checkedName, completeIdentity, keepIdentity } from './own-identity.ts';
import type { DeviceId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { Enrolled } from './own-identity.ts';
import type { IdentityRow } from './rows.ts';

const CALL_MS_MAX = 30_000;

export interface DeviceLine {
  readonly device: DeviceId;
  readonly own: boolean;
}

/** A new account, and what belongs to it. */
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
    const row = await beginIdentity(this.#context, name, 'registering');
    const user = userKeyOf(row, this.#context.platform)!;
    const record = signDeviceRecord(user, publicDeviceKeys(deviceKeysOf(row, this.#context.platform)));
    await this.#context.joinCluster(CALL_MS_MAX);
    try {
      await this.#context.api.call(
        {
          method: 'POST',
          path: '/v1/accounts',
          body: {
            name,
            userKey: toBase64Url(user.signing.publicKey),
            device: deviceRecordJson(record),
            txnId: row.txnId,
            ...(invite === undefined ? {} : { invite }),
          },
          answer: registered,
        },
        CALL_MS_MAX,
      );
    } catch (error) {
      if (error instanceof ParleyError && error.code === 'already_registered') await this.#recallName(row, error);
      throw error;
    }
    return completeIdentity(this.#context, row);
  }

  async devices(): Promise<DeviceLine[]> {
    const { row } = await this.#context.own();
    const told = await this.#context.read(`/v1/accounts/${row.name}`, accountCalled(row.name), CALL_MS_MAX);
    const [person] = await this.#context.people.meet([told]);
    return person!.devices.map(({ device }) => ({ device, own: device === row.device }));
  }

  /**
   * Deletes it for good, at once on every node.
   * @param messages what it wrote goes too
   */
  async delete(messages: boolean): Promise<void> {
    const { row } = await this.#context.own();
    const path = `/v1/accounts/${row.name}?messages=${messages}&txnId=${this.#context.newTxnId()}`;
    await this.#context.session.call({ method: 'DELETE', path, answer: named(row.name) }, CALL_MS_MAX);
  }

  /**
   * A registration under another name went through after all.
   * @throws ParleyError `already_registered`, saying under which
   */
  async #recallName(row: IdentityRow, { data }: ParleyError): Promise<void> {
    const before = data['account'];
    if (typeof before !== 'string' || !isAccountName(before) || before === row.name) return;
    await keepIdentity(this.#context, { ...row, name: before });
    const detail = `This home has registered “${before}” already: run “register ${before}” once more to go on with it.`;
    throw new ParleyError('already_registered', detail, { data: { account: before } });
  }
}
