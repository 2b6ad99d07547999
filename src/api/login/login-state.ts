import { ParleyError } from '../../protocol/errors.ts';
import { labelled } from '../../protocol/labelled.ts';
import type { NodeSeal } from '../../node/ports.ts';
import type { AccountId, AccountName, ClusterId, StampMs, TxnId } from '../../protocol/ids.ts';

const LOGIN_ID_BYTES = 16;
const OPAQUE_STATE_BYTES = 128;
const TIME_BYTES = 8;
const ACCOUNT_CHARACTERS = 27;
const TXN_CHARACTERS = 26;

/** What a node has to know when a login is finished. */
export interface LoginState {
  readonly name: AccountName;
  readonly loginId: Uint8Array;
  readonly expiresAt: StampMs;
  readonly opaqueState: Uint8Array;
  /** Null where nobody can log in: the login goes on as any other, and fails as one with a wrong password. */
  readonly password: { readonly account: AccountId; readonly id: TxnId } | null;
}

/**
 * Between start and finish the client keeps it, sealed to the nodes, so that any of them can finish what any of them
 * began. Fixed lengths: its size says nothing of the account.
 */
export function sealLoginState(seal: NodeSeal, cluster: ClusterId, state: LoginState): Uint8Array {
  const time = Buffer.alloc(TIME_BYTES);
  time.writeBigUInt64BE(BigInt(state.expiresAt));
  const fields = [
    state.loginId,
    time,
    state.opaqueState,
    Buffer.alloc(ACCOUNT_CHARACTERS, state.password?.account ?? ' '),
    Buffer.alloc(TXN_CHARACTERS, state.password?.id ?? ' '),
    Buffer.from(state.name),
  ];
  return seal.seal(labelled('login-state', cluster), Buffer.concat(fields));
}

/** @throws ParleyError `challenge_invalid` for anything that no node of this cluster has sealed, and what has expired */
export function openLoginState(seal: NodeSeal, cluster: ClusterId, sealed: Uint8Array, nowMs: number): LoginState {
  const opened = seal.open(labelled('login-state', cluster), sealed);
  if (opened === null) throw new ParleyError('challenge_invalid', 'This login was not begun here: start again.');
  const bytes = Buffer.from(opened.buffer, opened.byteOffset, opened.byteLength);
  let at = 0;
  const take = (length: number): Buffer => bytes.subarray(at, (at += length));
  const loginId = take(LOGIN_ID_BYTES);
  const expiresAt = Number(take(TIME_BYTES).readBigUInt64BE()) as StampMs;
  const opaqueState = take(OPAQUE_STATE_BYTES);
  const account = take(ACCOUNT_CHARACTERS).toString().trim();
  const id = take(TXN_CHARACTERS).toString() as TxnId;
  const name = bytes.subarray(at).toString() as AccountName;
  if (expiresAt <= nowMs) throw new ParleyError('challenge_invalid', 'This login has taken too long: start again.');
  const password = account === '' ? null : { account: account as AccountId, id };
  return { name, loginId, expiresAt, opaqueState, password };
}
