import { createDeviceKeys, createUserKey } from '../crypto/identity.ts';
import { ParleyError } from '../protocol/errors.ts';
import { isAccountName } from '../protocol/ids.ts';
import { KEY, pack, readRow, writeRow } from './rows.ts';
import type { AccountName, DeviceId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { IdentityRow } from './rows.ts';

/** What a home holds of an account, from the first attempt to get one on. */

export interface Enrolled {
  readonly account: AccountName;
  readonly device: DeviceId;
}

/** @throws ParleyError `usage` */
export function checkedName(wanted: string): AccountName {
  const name = wanted.replace(/^@/, '').toLowerCase();
  if (!isAccountName(name)) {
    throw new ParleyError('usage', `“${wanted}” is no account name: 2 to 32 of a–z, 0–9, dot, dash and underscore.`);
  }
  return name;
}

/** @throws ParleyError `device_exists` in a home that has an account */
export async function checkFreeHome({ platform }: ClientContext): Promise<void> {
  const known = await platform.store.transaction((tx) => readRow(tx, 'identity'));
  if (known?.state === 'enrolled') throw takenHome(known);
}

function takenHome({ name }: IdentityRow): ParleyError {
  return new ParleyError('device_exists', `This home belongs to ${name} already: use another --home.`);
}

/**
 * Keys for a new account, or for a new device of one. Those of an unfinished attempt are taken up: also of a
 * registration under another name, which may have gone through without its answer, and whose only key these are.
 * @throws ParleyError `device_exists` in a home that has an account
 */
export async function beginIdentity(
  context: ClientContext,
  name: AccountName,
  state: 'registering' | 'requesting',
): Promise<IdentityRow> {
  const { platform } = context;
  return platform.store.transaction(async (tx) => {
    const known = await readRow(tx, 'identity');
    if (known?.state === 'enrolled') throw takenHome(known);
    const isTakenUp = known?.state === state && (known.name === name || state === 'registering');
    const row = isTakenUp ? { ...known, name } : newIdentity(context, name, state);
    writeRow(tx, 'identity', row);
    return row;
  });
}

function newIdentity(context: ClientContext, name: AccountName, state: 'registering' | 'requesting'): IdentityRow {
  const { random } = context.platform;
  const user = createUserKey(random);
  const keys = createDeviceKeys(random);
  return {
    name,
    account: user.account,
    device: keys.device,
    userKey: user.signing.publicKey,
    userSecret: state === 'registering' ? user.signing.secretKey : null,
    signingSecret: keys.signing.secretKey,
    sealingSecret: keys.sealing.secretKey,
    txnId: context.newTxnId(),
    state,
  };
}

export async function keepIdentity({ platform }: ClientContext, row: IdentityRow): Promise<void> {
  await platform.store.transaction(async (tx) => writeRow(tx, 'identity', row));
}

/** The account is this home's from now on; its key is pinned like everybody else's. */
export async function completeIdentity({ platform }: ClientContext, row: IdentityRow): Promise<Enrolled> {
  await platform.store.transaction(async (tx) => {
    writeRow(tx, 'identity', { ...row, state: 'enrolled' });
    tx.put(KEY.pin(row.account), pack({ name: row.name, account: row.account, userKey: row.userKey }));
    tx.put(KEY.pinName(row.name), pack(row.account));
  });
  return { account: row.name, device: row.device };
}

/** The next attempt makes keys of its own. */
export async function abandonIdentity({ platform }: ClientContext, row: IdentityRow): Promise<void> {
  await platform.store.transaction(async (tx) => {
    const current = await readRow(tx, 'identity');
    if (current?.device === row.device && current.state !== 'enrolled') tx.delete('identity');
  });
}
