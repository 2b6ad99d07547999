import { signingKeyPairOf } from '../crypto/ed25519.ts';
import { publicDeviceKeys, signDeviceRecord } from '../crypto/identity.ts';
import { formatGrantToken } from '../crypto/tokens.ts';
import { openVault } from '../crypto/vault.ts';
import { parseRecoveryCode } from '../crypto/vault-recovery-code.ts';
import { accountIdOf } from '../protocol/derive-ids.ts';
import { ParleyError } from '../protocol/errors.ts';
import { deviceNamed, deviceRequestStatus } from './answers.ts';
import { deviceRecordJson } from './device-json.ts';
import { deviceKeysOf } from './identity-keys.ts';
import { vaultIn, vaultShown } from './login-answers.ts';
import { abandonIdentity, beginIdentity, completeIdentity, keepIdentity } from './own-identity.ts';
import { writeRow } from './rows.ts';
import { checkedContents } from './vault.ts';
import { decodeVaultContents, takePins } from './vault-contents.ts';
import type { UserKey } from '../crypto/identity.ts';
import type { SignedVault, VaultOpening } from '../crypto/vault.ts';
import type { AccountId, AccountName } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { LoginStage } from './login-stage.ts';
import type { Enrolled } from './own-identity.ts';
import type { IdentityRow } from './rows.ts';
import type { VaultContents } from './vault-contents.ts';

const CALL_MS_MAX = 30_000;

interface Proven {
  readonly name: AccountName;
  readonly account: string;
  /** The secret by which nodes know that something was proved. */
  readonly grant: Uint8Array;
  readonly opening: VaultOpening;
  readonly onStage: (stage: LoginStage) => void;
  /** Registers the password anew, where nodes ask for it; needs a device. */
  readonly renewal: (() => Promise<unknown>) | null;
}

/**
 * Somebody has proved a password or a recovery code. What opens the vault makes this home a device; where nothing does,
 * one that is enrolled has to approve it (`Enrolment`).
 */
export class LoginProof {
  readonly name: AccountName;
  readonly #context: ClientContext;
  readonly #proven: Proven;
  #vault: SignedVault | null | undefined;

  constructor(context: ClientContext, proven: Proven) {
    this.#context = context;
    this.#proven = proven;
    this.name = proven.name;
  }

  /** Whether there is a vault, which the recovery code opens, and whether what was proved opens it too. */
  async vault(): Promise<'opens' | 'needs-recovery-code' | 'none'> {
    const vault = await this.#read();
    if (vault === null) return 'none';
    return this.#open(vault, this.#proven.opening) === null ? 'needs-recovery-code' : 'opens';
  }

  /**
   * Makes this home a device of the account.
   *
   * @param typedCode the recovery code, where what was proved does not open the vault
   * @throws ParleyError `no_vault`; `recovery_code_mistyped`; `recovery_refused` for what does not open the vault;
   *   `vault_downgraded` for a vault that is not the account's; `device_exists` in a home that has an account
   */
  async enrol(typedCode?: string): Promise<Enrolled> {
    const vault = await this.#read();
    if (vault === null) throw new ParleyError('no_vault');
    const recoverySecret = typedCode === undefined ? undefined : parseRecoveryCode(typedCode);
    if (recoverySecret === null) throw new ParleyError('recovery_code_mistyped');
    const opening: VaultOpening =
      recoverySecret === undefined ? this.#proven.opening : { by: 'recovery', recoverySecret };
    const opened = this.#open(vault, opening);
    if (opened === null) throw new ParleyError('recovery_refused', 'This does not open the vault.');
    const { contents, user } = this.#checked(vault, opened);
    const enrolled = await this.#enrolWith(user, contents, vault.version);
    await this.renewPassword();
    return enrolled;
  }

  /** Where the nodes have new keys for passwords; on a home that has become a device. What fails now is done next time. */
  async renewPassword(): Promise<void> {
    try {
      await this.#proven.renewal?.();
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
    }
  }

  async #read(): Promise<SignedVault | null> {
    if (this.#vault !== undefined) return this.#vault;
    const token = formatGrantToken(this.#proven.grant);
    const request = { method: 'GET', path: '/v1/vault?consistency=linearizable', token, answer: vaultShown } as const;
    try {
      this.#vault = vaultIn(await this.#context.api.call(request, CALL_MS_MAX));
    } catch (error) {
      if (!(error instanceof ParleyError) || error.code !== 'no_vault') throw error;
      this.#vault = null;
    }
    return this.#vault;
  }

  #open(vault: SignedVault, opening: VaultOpening): Uint8Array | null {
    return openVault(this.#proven.account as AccountId, vault, opening);
  }

  /** The account's id is a hash of its key, so a vault that holds another key is not the account's. */
  #checked(vault: SignedVault, opened: Uint8Array): { readonly contents: VaultContents; readonly user: UserKey } {
    const account = this.#proven.account as AccountId;
    const secretKey = decodeVaultContents(opened)?.userSecret ?? null;
    const signing = secretKey === null ? null : signingKeyPairOf(secretKey, this.#context.platform.ed25519);
    if (signing === null || accountIdOf(signing.publicKey) !== account) {
      throw new ParleyError('vault_downgraded', 'This vault holds the key of another account: refused.');
    }
    const contents = checkedContents(account, signing.publicKey, vault, opened);
    return { contents, user: { account, signing } };
  }

  async #enrolWith(user: UserKey, contents: VaultContents, version: number): Promise<Enrolled> {
    const { onStage, grant, name } = this.#proven;
    onStage({ stage: 'enrolling' });
    const begun = await beginIdentity(this.#context, name, 'requesting');
    const { publicKey, secretKey } = user.signing;
    const row: IdentityRow = { ...begun, account: user.account, userKey: publicKey, userSecret: secretKey };
    await keepIdentity(this.#context, row);
    const record = signDeviceRecord(user, publicDeviceKeys(deviceKeysOf(row, this.#context.platform)));
    const request = {
      method: 'POST',
      path: '/v1/devices',
      body: { record: deviceRecordJson(record), txnId: this.#context.newTxnId() },
      token: formatGrantToken(grant),
      answer: deviceNamed(row.device),
    } as const;
    await this.#context.api.call(request, CALL_MS_MAX).catch((error: unknown) => this.#orEnrolled(row, error));
    const enrolled = await completeIdentity(this.#context, row);
    await this.#context.platform.store.transaction(async (tx) => {
      await takePins(tx, contents.pins);
      writeRow(tx, 'vaultVersion', version);
    });
    return enrolled;
  }

  /** An earlier attempt got through, and its program ended before it knew; or these keys are of no use any longer. */
  async #orEnrolled(row: IdentityRow, error: unknown): Promise<void> {
    if (!(error instanceof ParleyError) || error.code !== 'device_exists') throw error;
    const path = `/v1/accounts/${row.name}/device-requests/${row.device}`;
    const status = await this.#context.api
      .call({ method: 'GET', path, answer: deviceRequestStatus }, CALL_MS_MAX)
      .catch((refusal: unknown) => {
        if (refusal instanceof ParleyError && !refusal.retryable) return null;
        throw refusal;
      });
    if (status?.state === 'approved' && status.accountId === row.account) return;
    await abandonIdentity(this.#context, row);
    throw error;
  }
}
